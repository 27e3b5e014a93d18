//! The services that may ask for tokens: `SERVICE_CLIENTS_FILE`.
//!
//! A JSON array of `{"id": "order-service", "secret_sha256": "<64 hex digits>", "audiences": ["product"]}`. Secrets are
//! random (`openssl rand -hex 32`), so a plain SHA-256 keeps them (`printf %s "$SECRET" | sha256sum`): there is nothing to
//! guess from. An id may stand there twice, so that its old and its new secret are both good while it is changed. The file
//! is read at the start.

use std::path::Path;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use platform_clock::{Clock, SystemClock};
use platform_runtime::settings::{FromSettings, Secret, Settings};
use platform_service::ServiceClient;
use serde::Deserialize;

use crate::hex;

/// A larger file is not one of clients.
const MAX_BYTES: u64 = 64 * 1024;

/// The clients that are known.
#[derive(Debug, Clone, Default)]
pub struct ServiceClients(Vec<Client>);

#[derive(Debug, Clone)]
struct Client {
    id: String,
    secret_sha256: [u8; 32],
    audiences: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientEntry {
    id: String,
    secret_sha256: String,
    audiences: Vec<String>,
}

/// The process that auth lives in. It proves itself to its neighbours like any other, and need not stand in the file for it.
#[derive(Debug, Clone)]
pub struct OwnClient {
    /// `SERVICE_CLIENT_ID`.
    pub id: String,
    /// `SERVICE_CLIENT_SECRET`, or one that is made up and never leaves the process.
    pub secret: Secret,
    /// Only an auth in this process knows the secret.
    pub is_made_up: bool,
}

impl FromSettings for OwnClient {
    fn load(settings: &mut Settings) -> Self {
        let ServiceClient { id, secret } = ServiceClient::load(settings);
        let made_up = || {
            let mut random = [0; 32];
            SystemClock.fill_random(&mut random);
            Secret::new(URL_SAFE_NO_PAD.encode(random))
        };
        Self {
            id,
            is_made_up: secret.is_none(),
            secret: secret.unwrap_or_else(made_up),
        }
    }
}

/// The file cannot be used; one line for an operator.
#[derive(Debug, thiserror::Error)]
#[error("SERVICE_CLIENTS_FILE: {0}")]
pub struct ServiceClientsError(String);

impl ServiceClients {
    /// From the file.
    pub fn read(path: &Path) -> Result<Self, ServiceClientsError> {
        let unreadable =
            |error: std::io::Error| ServiceClientsError(format!("cannot read {}: {error}", path.display()));
        if std::fs::metadata(path).map_err(unreadable)?.len() > MAX_BYTES {
            return Err(ServiceClientsError(
                "it is larger than a file of clients can be".to_owned(),
            ));
        }
        Self::from_json(&std::fs::read_to_string(path).map_err(unreadable)?)
    }

    fn from_json(text: &str) -> Result<Self, ServiceClientsError> {
        let entries: Vec<ClientEntry> =
            serde_json::from_str(text).map_err(|error| ServiceClientsError(format!("it is not readable: {error}")))?;
        let clients: Result<Vec<Client>, ServiceClientsError> = entries.into_iter().map(Client::try_from).collect();
        clients.map(Self)
    }

    /// These, and the process that auth lives in.
    #[must_use]
    pub fn with(mut self, own: &OwnClient) -> Self {
        let hash = digest::digest(&digest::SHA256, own.secret.expose().as_bytes());
        let mut secret_sha256 = [0; 32];
        secret_sha256.copy_from_slice(hash.as_ref());
        self.0.push(Client {
            id: own.id.clone(),
            secret_sha256,
            audiences: ["auth", "user", "product", "order"].map(str::to_owned).to_vec(),
        });
        self
    }

    /// Whether the client is known by that secret and may call the service.
    pub fn may_call(&self, client_id: &str, secret: &str, service: &str) -> bool {
        let hash = digest::digest(&digest::SHA256, secret.as_bytes());
        let mut known = self.0.iter().filter(|client| client.id == client_id);
        known.any(|client| {
            let is_proved = verify_slices_are_equal(hash.as_ref(), &client.secret_sha256).is_ok();
            is_proved && client.audiences.iter().any(|audience| audience == service)
        })
    }
}

impl TryFrom<ClientEntry> for Client {
    type Error = ServiceClientsError;

    fn try_from(entry: ClientEntry) -> Result<Self, ServiceClientsError> {
        let ClientEntry {
            id,
            secret_sha256,
            audiences,
        } = entry;
        let wrong = |detail: String| Err(ServiceClientsError(detail));
        if !is_name(&id) {
            return wrong(format!("id {id:?} must be {NAME_FORM}"));
        }
        if let Some(audience) = audiences.iter().find(|audience| !is_name(audience)) {
            return wrong(format!("audience {audience:?} of {id} must be {NAME_FORM}"));
        }
        let Some(secret_sha256) = hex::decode(&secret_sha256) else {
            return wrong(format!("secret_sha256 of {id} must be 64 hexadecimal digits"));
        };
        Ok(Self {
            id,
            secret_sha256,
            audiences,
        })
    }
}

const NAME_FORM: &str = "1 to 64 lower-case letters, digits and dashes";

fn is_name(text: &str) -> bool {
    let is_sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(is_sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_let_in_by_its_secret_to_its_audiences_alone() {
        // SHA-256 of "secret".
        let text = r#"[{"id": "order-service", "audiences": ["product"],
            "secret_sha256": "2BB80D537B1DA3E38BD30361AA855686BDE0EACD7162FEF6A25FE97BF527A25B"}]"#;
        let clients = ServiceClients::from_json(text).unwrap();
        assert!(clients.may_call("order-service", "secret", "product"));
        assert!(!clients.may_call("order-service", "secret", "user"));
        assert!(!clients.may_call("order-service", "other", "product"));
        assert!(!clients.may_call("nobody", "", "product"));
        assert!(!ServiceClients::default().may_call("order-service", "secret", "product"));
    }

    #[test]
    fn an_old_and_a_new_secret_are_both_good_while_they_stand_there() {
        let entry = |hash| format!(r#"{{"id": "order-service", "audiences": ["product"], "secret_sha256": "{hash}"}}"#);
        // SHA-256 of "old" and of "new".
        let old = entry("cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4");
        let new = entry("11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437");
        let text = format!("[{old}, {new}]");
        let clients = ServiceClients::from_json(&text).unwrap();
        assert!(clients.may_call("order-service", "old", "product"));
        assert!(clients.may_call("order-service", "new", "product"));
        assert!(!clients.may_call("order-service", "older", "product"));
    }

    #[test]
    fn a_file_that_is_wrong_says_so_by_the_settings_name() {
        let hash = "0".repeat(64);
        for bad in [
            String::new(),
            "{}".to_owned(),
            r#"[{"id": "x", "secret_sha256": "ab", "audiences": []}]"#.to_owned(),
            format!(r#"[{{"id": "", "secret_sha256": "{hash}", "audiences": []}}]"#),
            format!(r#"[{{"id": "x", "secret_sha256": "{hash}", "audiences": ["Product service"]}}]"#),
            format!(r#"[{{"id": "x", "secret_sha256": "{hash}", "audience": "product"}}]"#),
        ] {
            let error = ServiceClients::from_json(&bad).unwrap_err().to_string();
            assert!(error.starts_with("SERVICE_CLIENTS_FILE: "), "{error}");
        }
    }
}
