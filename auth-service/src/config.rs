//! The settings that are auth's own.

use std::path::PathBuf;

use platform_runtime::settings::{FromSettings, Secret, Settings};
use values::Email;

use crate::password::Password;
use crate::service::admin::FirstAdmin;
use crate::service_clients::OwnClient;

/// What auth reads from its settings. Where its data lie is the process' matter.
#[derive(Debug, Clone)]
pub struct Config {
    /// `TOKEN_ISSUER`.
    pub issuer: String,
    /// `SIGNING_KEYS_FILE`: the keys come from there, not from the database.
    pub signing_keys_file: Option<PathBuf>,
    /// `KEY_ENCRYPTION_KEY`: what the keys in the database are encrypted with; else a file in `data_dir`.
    pub key_encryption_key: Option<Secret>,
    /// `SERVICE_CLIENTS_FILE`: the services that may ask for tokens.
    pub service_clients_file: Option<PathBuf>,
    /// Who the process is that auth lives in.
    pub own_client: OwnClient,
    /// Where the default encryption key lies.
    pub data_dir: PathBuf,
    /// `RATE_LIMITS`.
    pub rate_limits: bool,
    /// `BOOTSTRAP_ADMIN_EMAIL` and `BOOTSTRAP_ADMIN_PASSWORD`.
    pub first_admin: Option<(Email, Password)>,
}

impl Config {
    /// Who is to be the first admin; `on_terminal` says whether somebody would see a password that is made up.
    pub fn first_admin(&self, on_terminal: bool) -> FirstAdmin {
        match self.first_admin.clone() {
            Some((email, password)) => FirstAdmin::Given { email, password },
            None if on_terminal => FirstAdmin::MadeUp,
            None => FirstAdmin::Nobody,
        }
    }
}

impl FromSettings for Config {
    fn load(settings: &mut Settings) -> Self {
        let database = platform_service::database(settings);
        Self {
            issuer: settings.get("TOKEN_ISSUER", "stoa", "who signs tokens; the same in every process"),
            signing_keys_file: settings.optional(
                "SIGNING_KEYS_FILE",
                "P-256 private keys in PEM, the signing one first; else they live in the database",
            ),
            key_encryption_key: settings.secret(
                "KEY_ENCRYPTION_KEY",
                "32 bytes in base64 or hex that encrypt the keys in the database; else auth.key in DATA_DIR",
            ),
            service_clients_file: settings.optional(
                "SERVICE_CLIENTS_FILE",
                "services that may ask for tokens: id, secret_sha256, audiences",
            ),
            own_client: OwnClient::load(settings),
            data_dir: platform_service::data_dir(settings, &database),
            rate_limits: settings.flag(
                "RATE_LIMITS",
                "on",
                "request limits and connections per address; off for load tests",
            ),
            first_admin: first_admin(settings),
        }
    }
}

fn first_admin(settings: &mut Settings) -> Option<(Email, Password)> {
    let email: Option<String> = settings.optional("BOOTSTRAP_ADMIN_EMAIL", "the first admin, if there is none");
    let password = settings.secret("BOOTSTRAP_ADMIN_PASSWORD", "their password, 12 to 128 characters");
    match (email, password) {
        (Some(email), Some(password)) => {
            let email = Email::try_from(email).map_err(|error| settings.invalid("BOOTSTRAP_ADMIN_EMAIL", error));
            let password = Password::chosen(password.expose().to_owned());
            let password = password.map_err(|error| settings.invalid("BOOTSTRAP_ADMIN_PASSWORD", error));
            Some((email.ok()?, password.ok()?))
        }
        (Some(_), None) => {
            settings.invalid("BOOTSTRAP_ADMIN_PASSWORD", "is needed beside BOOTSTRAP_ADMIN_EMAIL");
            None
        }
        (None, Some(_)) => {
            settings.invalid("BOOTSTRAP_ADMIN_EMAIL", "is needed beside BOOTSTRAP_ADMIN_PASSWORD");
            None
        }
        (None, None) => None,
    }
}
