//! What is kept of users. One method is one use case and one unit of work.

mod postgres;
mod sqlite;

use async_trait::async_trait;
use user_api::{AccountCopy, User};
use values::{PersonName, Timestamp, UserId};

pub use postgres::{MIGRATIONS as POSTGRES_MIGRATIONS, PgUserStore};
pub use sqlite::{MIGRATIONS as SQLITE_MIGRATIONS, SqliteUserStore};

/// Profiles, each as its owner and auth last wrote it.
#[async_trait]
pub trait UserStore: Send + Sync + 'static {
    /// Makes the profile of an account, or brings its copies of email and roles up to the account's version. Answers the
    /// row as it then is. Appends the event of what it did, if it did anything.
    async fn ensure(&self, account: &AccountCopy, cause: &Cause) -> Result<StoredUser, StoreError>;

    /// The profile, if it is there.
    async fn find(&self, id: UserId) -> Result<Option<StoredUser>, StoreError>;

    /// Gives a profile another name. With `version` only if the row still has it.
    async fn rename(
        &self,
        id: UserId,
        name: &PersonName,
        version: Option<i64>,
        cause: &Cause,
    ) -> Result<Renamed, StoreError>;

    /// Profiles, the newest first.
    async fn list(&self, wanted: &Wanted) -> Result<Vec<StoredUser>, StoreError>;

    /// How many profiles have all the words.
    async fn count(&self, patterns: &[String]) -> Result<u64, StoreError>;

    /// Whether the database answers and is as new as this binary needs.
    async fn check(&self) -> Result<(), StoreError>;
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUser {
    /// The profile.
    pub user: User,
    /// The account's version that email and roles are of.
    pub account_version: i64,
    /// Rises with every change of the row.
    pub version: i64,
}

/// When and on whose behalf something is written.
#[derive(Debug, Clone)]
pub struct Cause {
    /// The moment of it.
    pub at: Timestamp,
    /// The trace of the request.
    pub traceparent: Option<String>,
}

/// What came of a new name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renamed {
    /// The row as it now is.
    Done(StoredUser),
    /// There is no such profile.
    Absent,
    /// The row has another version.
    Stale,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Each must match.
    pub patterns: Vec<String>,
    /// Only rows behind this one.
    pub after: Option<(Timestamp, UserId)>,
    /// The most rows.
    pub limit: u32,
}

/// Why a store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed.
    #[error("the store failed")]
    Database(#[from] platform_sql::Error),
    /// A row is not what this version writes.
    #[error("a stored user cannot be read: {0}")]
    Unreadable(String),
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
