//! The policy of an operation, as it stands beside it in the OpenAPI document under `x-stoa`.

use std::time::Duration;

use platform_identity::Role;
use serde::{Deserialize, Serialize};

/// The name of the extension that carries the policy.
pub const EXTENSION: &str = "x-stoa";

/// Who may call an operation, and what a call may cost.
///
/// Written beside the operation and checked by the compiler:
///
/// ```
/// use platform_runtime::policy;
/// #[utoipa::path(post, path = "/api/products", extensions(("x-stoa" = json!(policy::admin().body_limit(32 * 1024)))))]
/// async fn create() {}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Who may call.
    pub auth: Auth,
    /// The caller needs one of these; any caller will do if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// The most bytes of a body.
    #[serde(default = "default_body_limit")]
    pub body_limit: u64,
    /// How long an answer may take, the arrival of the body included.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
    /// Whether the gateway may keep answers.
    #[serde(default)]
    pub cache: Cache,
    /// Whether the gateway may ask again.
    #[serde(default)]
    pub retry: Retry,
}

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// Anybody; a token is not even looked at.
    None,
    /// Anybody; a token must be good if there is one.
    Optional,
    /// A person with an access token.
    Required,
    /// A process of ours, with a service token of the right audience.
    Service,
    /// A process of ours that asks for such a token: the operation itself checks the credentials in the body.
    Client,
}

/// Whether the gateway may keep answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cache {
    /// Every request is asked of the service.
    #[default]
    None,
    /// One answer serves everybody but admins.
    Public,
}

/// Whether the gateway may ask again when no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// Not even a GET.
    Never,
    /// GET and HEAD.
    #[default]
    Safe,
    /// Doing it twice is doing it once. The gateway repeats GET and HEAD, and a POST that carries an Idempotency-Key; PUT
    /// and DELETE it leaves to the client, for the second answer may differ from the first.
    Idempotent,
}

const fn default_body_limit() -> u64 {
    64 * 1024
}

const fn default_timeout_ms() -> u64 {
    10_000
}

/// Open to anybody.
pub const fn public() -> Policy {
    Policy::of(Auth::None)
}

/// Open to anybody, and different for those who are signed in.
pub const fn optional() -> Policy {
    Policy::of(Auth::Optional)
}

/// For people who are signed in.
pub const fn signed_in() -> Policy {
    Policy::of(Auth::Required)
}

/// For those who run the shop.
pub fn admin() -> Policy {
    signed_in().role(Role::Admin)
}

/// For processes of ours; the path begins with `/internal/`.
pub const fn service() -> Policy {
    Policy::of(Auth::Service)
}

/// For processes of ours that have no token yet; the path begins with `/internal/`.
pub const fn client() -> Policy {
    Policy::of(Auth::Client)
}

impl Policy {
    /// A policy with the defaults: bodies up to 64 KiB, 10 s, not cached, safe methods retried.
    pub const fn of(auth: Auth) -> Self {
        Self {
            auth,
            roles: Vec::new(),
            body_limit: default_body_limit(),
            timeout_ms: default_timeout_ms(),
            cache: Cache::None,
            retry: Retry::Safe,
        }
    }

    /// Lets those in who have the role, beside those of other roles named.
    pub fn role(mut self, role: Role) -> Self {
        self.roles.push(role);
        self
    }

    /// Takes bodies up to so many bytes.
    pub fn body_limit(mut self, bytes: u64) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Gives an answer so much time.
    pub fn timeout_ms(mut self, millis: u64) -> Self {
        self.timeout_ms = millis;
        self
    }

    /// Lets the gateway keep answers for everybody.
    pub fn cached(mut self) -> Self {
        self.cache = Cache::Public;
        self
    }

    /// Says that doing it twice is doing it once: see [`Retry::Idempotent`].
    pub fn idempotent(mut self) -> Self {
        self.retry = Retry::Idempotent;
        self
    }

    /// Forbids asking again.
    pub fn never_retried(mut self) -> Self {
        self.retry = Retry::Never;
        self
    }

    /// The time for an answer.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_policy_is_the_same_after_a_trip_through_the_document() {
        let policy = admin().body_limit(7).timeout_ms(8).cached().idempotent();
        let written = serde_json::to_value(&policy).unwrap();
        let expected = json!({"auth": "required", "roles": ["admin"], "body_limit": 7, "timeout_ms": 8, "cache": "public", "retry": "idempotent"});
        assert_eq!(written, expected);
        assert_eq!(serde_json::from_value::<Policy>(written).unwrap(), policy);
    }

    #[test]
    fn what_a_policy_does_not_know_is_refused() {
        let read = |value| serde_json::from_value::<Policy>(value).is_ok();
        assert!(read(json!({"auth": "none"})));
        assert!(!read(json!({})));
        assert!(!read(json!({"auth": "none", "role": ["admin"]})));
        assert!(!read(json!({"auth": "anyone"})));
    }
}
