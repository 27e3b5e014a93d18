//! The commands about those who run the shop, for every binary that has auth in it.
//!
//! They work on the database, so on SQLite the shop must not be running meanwhile.

use std::io::{BufRead, Read};

use clap::Subcommand;
use values::{Email, PersonName, ValueError};

use crate::password::Password;
use crate::service::AuthService;
use crate::service::admin::AdminError;

/// No password is longer, in bytes.
const MAX_PASSWORD_BYTES: u64 = 4 * 1024;

/// Commands about those who run the shop.
#[derive(Debug, Clone, Subcommand)]
pub enum Admin {
    /// Make an account that runs the shop; its password is made up and printed once
    Create {
        /// The address to sign in with
        email: String,
        /// What they want to be called
        #[arg(long)]
        name: Option<String>,
        /// Take the password from standard input instead of making one up
        #[arg(long)]
        password_stdin: bool,
    },
    /// Let an account run the shop
    Grant {
        /// Its address
        email: String,
    },
    /// Take that back; the account's sessions end
    Revoke {
        /// Its address
        email: String,
    },
}

/// Why a command did nothing. One line for an operator.
#[derive(Debug, thiserror::Error)]
pub enum AdminCommandError {
    /// The address is none.
    #[error("the email {0}")]
    Email(#[source] ValueError),
    /// The name is none.
    #[error("the name {0}")]
    Name(#[source] ValueError),
    /// The password is none.
    #[error("the password {0}")]
    Password(#[source] ValueError),
    /// Standard input holds no text.
    #[error("the password cannot be read from standard input")]
    Input(#[source] std::io::Error),
    /// The service refused.
    #[error(transparent)]
    Admin(#[from] AdminError),
}

impl Admin {
    /// Does it, and answers what to print.
    pub async fn run(self, service: &AuthService) -> Result<String, AdminCommandError> {
        match self {
            Self::Create {
                email,
                name,
                password_stdin,
            } => {
                let name = name
                    .map(PersonName::try_from)
                    .transpose()
                    .map_err(AdminCommandError::Name)?;
                create(service, &address(email)?, name, password_stdin).await
            }
            Self::Grant { email } => {
                let account = service.grant_admin(&address(email)?).await?;
                Ok(format!(
                    "{} runs the shop, from the next refresh or login on",
                    account.email
                ))
            }
            Self::Revoke { email } => {
                let account = service.revoke_admin(&address(email)?).await?;
                let remains = if service.has_admin().await? {
                    ""
                } else {
                    "; nobody runs the shop now"
                };
                Ok(format!(
                    "{} does not run the shop; its sessions are ended{remains}",
                    account.email
                ))
            }
        }
    }
}

async fn create(
    service: &AuthService,
    email: &Email,
    name: Option<PersonName>,
    password_stdin: bool,
) -> Result<String, AdminCommandError> {
    if password_stdin {
        let password = Password::chosen(first_line_of_stdin()?).map_err(AdminCommandError::Password)?;
        service.create_admin(email, &password, name).await?;
        return Ok(format!("{email} runs the shop"));
    }
    let password = service.made_up_password();
    service
        .create_admin(email, &Password::presented(password.clone()), name)
        .await?;
    Ok(format!("{email} runs the shop\npassword (shown once): {password}"))
}

fn address(text: String) -> Result<Email, AdminCommandError> {
    Email::try_from(text).map_err(AdminCommandError::Email)
}

fn first_line_of_stdin() -> Result<String, AdminCommandError> {
    let mut line = String::new();
    let mut input = std::io::stdin().lock().take(MAX_PASSWORD_BYTES);
    input.read_line(&mut line).map_err(AdminCommandError::Input)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
