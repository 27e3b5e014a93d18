//! Those who run the shop: the first one, and the commands that make, promote and demote them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use platform_identity::{Role, Roles};
use values::{Email, PersonName, UserId};

use super::AuthService;
use crate::password::{Busy, Password};
use crate::store::{Account, NewAccount, RoleChange, StoreError};

/// The address of an admin that is made on a terminal.
const FIRST_ADMIN: &str = "admin@stoa.local";

/// Who is to be the first admin, if there is none.
#[derive(Debug, Clone)]
pub enum FirstAdmin {
    /// As the settings say.
    Given {
        /// `BOOTSTRAP_ADMIN_EMAIL`.
        email: Email,
        /// `BOOTSTRAP_ADMIN_PASSWORD`.
        password: Password,
    },
    /// One is made up: somebody sits at the terminal to read the password.
    MadeUp,
    /// None: nobody would see a password.
    Nobody,
}

/// What came of it. Not to be logged: it may hold a password.
pub enum Bootstrapped {
    /// Somebody runs the shop already.
    Present,
    /// The one that the settings name runs it now.
    Given(Email),
    /// One was made. The password is known to nobody else; show it once.
    MadeUp {
        /// To sign in with.
        email: Email,
        /// The same.
        password: String,
    },
    /// Nobody runs the shop: `admin create` makes somebody who does.
    Nobody,
    /// An account has the address that the settings name, and another password. It is left as it is.
    Occupied(Email),
}

impl Bootstrapped {
    /// Tells whoever starts the process what there is to know: a made-up password, which is made on a terminal alone, on
    /// that terminal, and the rest in the log, without an address.
    pub fn announce(&self, to: &mut impl std::io::Write) -> std::io::Result<()> {
        match self {
            Self::Present => Ok(()),
            Self::Given(_) => {
                tracing::info!("the first admin is the one that the settings name");
                Ok(())
            }
            Self::MadeUp { email, password } => {
                writeln!(
                    to,
                    "The first admin was made. This is shown once:\n  email     {email}\n  password  {password}"
                )
            }
            Self::Nobody => {
                tracing::warn!("nobody runs the shop yet: `admin create <email>` makes somebody who does");
                Ok(())
            }
            Self::Occupied(_) => {
                tracing::warn!(
                    "the first admin's address has an account with another password, which is left as it is: \
                     `admin grant <email>` lets it run the shop"
                );
                Ok(())
            }
        }
    }
}

/// Why a command did nothing.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// An account has the address.
    #[error("there is an account {0} already: use `admin grant`")]
    EmailTaken(Email),
    /// No account has it.
    #[error("there is no account {0}")]
    Unknown(Email),
    /// Too many passwords wait to be checked.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AuthService {
    /// Makes the first admin if there is none.
    pub async fn bootstrap(&self, first: FirstAdmin) -> Result<Bootstrapped, AdminError> {
        if self.0.store.has_admin().await? {
            return Ok(Bootstrapped::Present);
        }
        match first {
            FirstAdmin::Nobody => Ok(Bootstrapped::Nobody),
            FirstAdmin::Given { email, password } => self.make_given(email, &password).await,
            FirstAdmin::MadeUp => {
                let email = Email::try_from(FIRST_ADMIN.to_owned()).expect("it is an address");
                let password = self.made_up_password();
                match self
                    .create_admin(&email, &Password::presented(password.clone()), None)
                    .await
                {
                    Ok(_) => Ok(Bootstrapped::MadeUp { email, password }),
                    Err(AdminError::EmailTaken(email)) => Ok(Bootstrapped::Occupied(email)),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// Makes an account that runs the shop.
    pub async fn create_admin(
        &self,
        email: &Email,
        password: &Password,
        name: Option<PersonName>,
    ) -> Result<Account, AdminError> {
        let name = name.unwrap_or_else(|| PersonName::try_from("Admin".to_owned()).expect("it is a name"));
        let account = NewAccount {
            id: UserId::from(self.0.clock.new_id()),
            email: email.clone(),
            name,
            hash: self.0.hasher.hash(password).await?,
            roles: Roles::default().with(Role::Customer).with(Role::Admin),
        };
        match self.0.store.register(&account, None, &self.cause()).await {
            Err(StoreError::EmailTaken) => Err(AdminError::EmailTaken(email.clone())),
            other => Ok(other?),
        }
    }

    /// Lets an account run the shop. It may at its next refresh or login.
    pub async fn grant_admin(&self, email: &Email) -> Result<Account, AdminError> {
        self.change_admin(email, true).await
    }

    /// Takes that back. The account's sessions end, so that it holds at once.
    pub async fn revoke_admin(&self, email: &Email) -> Result<Account, AdminError> {
        self.change_admin(email, false).await
    }

    /// Whether somebody runs the shop.
    pub async fn has_admin(&self) -> Result<bool, AdminError> {
        Ok(self.0.store.has_admin().await?)
    }

    /// A password that nobody has to think of: 24 characters, 144 bits.
    pub fn made_up_password(&self) -> String {
        let mut random = [0; 18];
        self.0.clock.fill_random(&mut random);
        URL_SAFE_NO_PAD.encode(random)
    }

    async fn change_admin(&self, email: &Email, grant: bool) -> Result<Account, AdminError> {
        let change = RoleChange {
            email: email.clone(),
            role: Role::Admin,
            grant,
        };
        let changed = self.0.store.change_role(&change, &self.cause()).await?;
        changed.ok_or_else(|| AdminError::Unknown(email.clone()))
    }

    /// Whoever registered the address first does not get the shop: the password must fit.
    async fn make_given(&self, email: Email, password: &Password) -> Result<Bootstrapped, AdminError> {
        match self.create_admin(&email, password, None).await {
            Ok(_) => return Ok(Bootstrapped::Given(email)),
            Err(AdminError::EmailTaken(_)) => {}
            Err(error) => return Err(error),
        }
        let found = self.0.store.find_by_email(&email, &[0; 16]).await?;
        let Some(found) = found else {
            return Ok(Bootstrapped::Nobody);
        };
        if !self.0.hasher.verify(password, Some(&found.hash)).await? {
            return Ok(Bootstrapped::Occupied(email));
        }
        self.grant_admin(&email).await?;
        Ok(Bootstrapped::Given(email))
    }
}
