//! What an access token says (RFC 9068).

use serde::{Deserialize, Serialize};
use values::SessionId;

/// The `typ` of an access token's header (RFC 9068, 2.1). A token of another type is no access token.
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// The claims of an access token. All but `sid` and `roles` are required; a service's token has no session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// Who signed it: `TOKEN_ISSUER`.
    pub iss: String,
    /// Whom it is for: `stoa` for people, `stoa:<service>` for services.
    pub aud: String,
    /// A user id, or a service's client id.
    pub sub: String,
    /// The client that asked for the token.
    pub client_id: String,
    /// Seconds since the epoch at which it was made.
    pub iat: i64,
    /// Not valid before.
    pub nbf: i64,
    /// Not valid from then on.
    pub exp: i64,
    /// The token's own id.
    pub jti: String,
    /// The session it belongs to; ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// The names of the account's roles. Unknown ones are ignored.
    #[serde(default)]
    pub roles: Vec<String>,
}
