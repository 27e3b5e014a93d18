//! What is kept of accounts, sessions and keys. One method is one use case and one unit of work.

mod postgres;
mod sqlite;

use async_trait::async_trait;
use platform_identity::{Role, Roles};
use user_api::{AccountCopy, User};
use values::{Email, PersonName, SessionId, Timestamp, UserId};

use crate::keys::SealedKey;
use crate::password::PasswordHash;
use crate::refresh_token::TokenHash;

pub use postgres::{MIGRATIONS as POSTGRES_MIGRATIONS, PgAccountStore};
pub use sqlite::{MIGRATIONS as SQLITE_MIGRATIONS, SqliteAccountStore};

/// Accounts, their sessions, and the keys of tokens.
#[async_trait]
pub trait AccountStore: Send + Sync + 'static {
    /// Makes an account, with its first session if there is one to make, due to be told to users, and its event.
    async fn register(
        &self,
        account: &NewAccount,
        session: Option<&NewSession>,
        cause: &Cause,
    ) -> Result<Account, StoreError>;

    /// The account of an address, and whether a session of it was used from that network before.
    async fn find_by_email(
        &self,
        email: &Email,
        network: &NetworkFingerprint,
    ) -> Result<Option<Credentials>, StoreError>;

    /// The account of that id.
    async fn find(&self, id: UserId) -> Result<Option<Credentials>, StoreError>;

    /// Opens a session if the account still has that password; forgets those beyond [`MAX_SESSIONS`], ended ones and then
    /// those not used for longest. Answers the account as it is at that moment, or none if it was not opened.
    async fn open_session(
        &self,
        session: &NewSession,
        hash: &PasswordHash,
        cause: &Cause,
    ) -> Result<Option<Account>, StoreError>;

    /// Puts a successor in the place of the token that was presented; ends the session if that one was spent before.
    async fn rotate_session(&self, rotation: &Rotation, cause: &Cause) -> Result<Rotated, StoreError>;

    /// Ends a session, with its event. Again does nothing.
    async fn end_session(&self, id: SessionId, cause: &Cause) -> Result<(), StoreError>;

    /// Changes a password if it is still the one that was checked; ends every session but one. Answers whether it did.
    async fn change_password(&self, change: &PasswordChange, cause: &Cause) -> Result<bool, StoreError>;

    /// Grants or revokes a role; the account's version rises if that changes it, and with a role its sessions end. None
    /// if there is no such account.
    async fn change_role(&self, change: &RoleChange, cause: &Cause) -> Result<Option<Account>, StoreError>;

    /// Whether somebody runs the shop.
    async fn has_admin(&self) -> Result<bool, StoreError>;

    /// Notes that users have acknowledged this version of an account.
    async fn acknowledge_profile(&self, id: UserId, version: i64) -> Result<(), StoreError>;

    /// Accounts that were to be told to users before a moment, the longest waiting first.
    async fn due_profiles(&self, before: Timestamp, limit: u32) -> Result<Vec<Account>, StoreError>;

    /// Forgets at most `limit` sessions that expired before a moment; answers how many.
    async fn purge_sessions(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// All sealed keys.
    async fn keys(&self) -> Result<Vec<SealedKey>, StoreError>;

    /// Adds keys whose generation is not there yet, and drops signing keys that are older than the previous one.
    async fn add_keys(&self, keys: &[SealedKey]) -> Result<(), StoreError>;

    /// Whether the database answers and is as new as this binary needs.
    async fn check(&self) -> Result<(), StoreError>;
}

/// The sessions an account may have at once.
pub const MAX_SESSIONS: u32 = 100;

/// Stands for a network address without telling it.
pub type NetworkFingerprint = [u8; 16];

/// An account as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: UserId,
    /// Its address.
    pub email: Email,
    /// The name given at registration.
    pub name: PersonName,
    /// What it may do.
    pub roles: Roles,
    /// Rises with every change of email or roles.
    pub version: i64,
    /// Since when users have to be told; none once they acknowledged this version.
    pub profile_due: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When email or roles last changed.
    pub updated_at: Timestamp,
}

impl Account {
    /// What users are told.
    pub fn to_copy(&self) -> AccountCopy {
        AccountCopy {
            id: self.id,
            email: self.email.clone(),
            name: self.name.as_str().to_owned(),
            roles: role_names(self.roles),
            account_version: self.version,
            created_at: self.created_at,
        }
    }

    /// What clients see of it while users are away.
    pub fn as_user(&self) -> User {
        User {
            updated_at: self.updated_at,
            ..self.to_copy().as_user()
        }
    }
}

/// The names of roles, sorted.
pub fn role_names(roles: Roles) -> Vec<String> {
    let mut names: Vec<String> = roles.iter().map(|role| role.name().to_owned()).collect();
    names.sort_unstable();
    names
}

/// An account and what proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The account.
    pub account: Account,
    /// Of its password.
    pub hash: PasswordHash,
    /// Whether a session of it was used from the network that was asked about.
    pub network_known: bool,
}

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Its id.
    pub id: UserId,
    /// Its address.
    pub email: Email,
    /// Its name.
    pub name: PersonName,
    /// Of its password.
    pub hash: PasswordHash,
    /// What it may do.
    pub roles: Roles,
}

/// A session to be opened.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub account: UserId,
    /// Of its first refresh token.
    pub token: TokenHash,
    /// Where it was opened from.
    pub network: NetworkFingerprint,
    /// When it ends unless it is used.
    pub expires_at: Timestamp,
}

/// A refresh.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The session of the token.
    pub session: SessionId,
    /// Of the token.
    pub presented: TokenHash,
    /// Of the token that follows it.
    pub successor: TokenHash,
    /// A token spent since then may be presented again while its successor is unused.
    pub grace_from: Timestamp,
    /// Where it comes from.
    pub network: NetworkFingerprint,
    /// When the session ends unless it is used again.
    pub expires_at: Timestamp,
}

/// What came of a refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotated {
    /// The successor is the session's token now.
    Done(Account),
    /// The token was spent a moment ago and its successor, of that hash, is unused.
    Again(Account, TokenHash),
    /// The token was spent before; its session is ended.
    Reused,
    /// There is no such session, or it ended.
    Unknown,
}

/// A change of password.
#[derive(Debug, Clone)]
pub struct PasswordChange {
    /// Whose.
    pub account: UserId,
    /// Of the password that was checked.
    pub old: PasswordHash,
    /// Of the one that takes its place.
    pub new: PasswordHash,
    /// The session that goes on.
    pub keep: Option<SessionId>,
}

/// A change of what an account may do.
#[derive(Debug, Clone)]
pub struct RoleChange {
    /// The account's address.
    pub email: Email,
    /// Which role.
    pub role: Role,
    /// Whether it is to have it.
    pub grant: bool,
}

/// When and on whose behalf something is written.
#[derive(Debug, Clone)]
pub struct Cause {
    /// The moment of it.
    pub at: Timestamp,
    /// The trace of the request.
    pub traceparent: Option<String>,
}

/// Why a store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An account has the address.
    #[error("the address is taken")]
    EmailTaken,
    /// The database failed.
    #[error("the store failed")]
    Database(#[from] platform_sql::Error),
    /// A row is not what this version writes.
    #[error("a stored {0} cannot be read")]
    Unreadable(&'static str),
    /// The schema is older than this binary needs.
    #[error("the schema lacks migrations")]
    Outdated,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl StoreError {
    /// The error with its causes, for the log.
    pub fn to_chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        text
    }
}
