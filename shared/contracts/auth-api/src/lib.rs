//! What other processes may ask of auth: the public keys, and tokens for services.
//!
//! Everything else about accounts is public HTTP. A diff in this crate is a change of the API between services.

pub mod events;
#[cfg(feature = "grpc")]
pub mod grpc;
mod problems;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use values::Timestamp;

pub use problems::{
    CLIENT_REFUSED, EMAIL_TAKEN, INVALID_CREDENTIALS, PROBLEMS, REFRESH_TOKEN_INVALID, REFRESH_TOKEN_REUSED,
};

/// Keys and tokens, as other processes ask for them.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// The public keys, a JSON Web Key Set (RFC 7517): the next, the current and the previous one.
    async fn jwks(&self) -> Result<String, AccountsError>;

    /// A token by which a service proves itself to another (OAuth 2.0 client credentials, RFC 6749, 4.4); 60 minutes.
    async fn service_token(&self, request: &ServiceTokenRequest) -> Result<ServiceToken, AccountsError>;
}

/// Where a service asks for a token over HTTP: `POST` with a [`ServiceTokenRequest`] as JSON.
///
/// Answers 200 with a [`ServiceTokenAnswer`], 401 [`CLIENT_REFUSED`], 429 `rate_limited` and 503 `unavailable`; the last two
/// are [`AccountsError::Unavailable`] to who asked, and carry `Retry-After`. It needs no token: it gives the first one.
pub const SERVICE_TOKEN_PATH: &str = "/internal/token";

/// Where the public keys are, for anybody: `GET`, answered by what [`Accounts::jwks`] gives, with an `ETag`.
pub const JWKS_PATH: &str = "/.well-known/jwks.json";

/// A service asks for a token. Also the body of [`SERVICE_TOKEN_PATH`].
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ServiceTokenRequest {
    /// Who asks.
    #[schema(max_length = 64)]
    pub client_id: String,
    /// The proof.
    #[schema(format = Password, max_length = 256)]
    pub client_secret: String,
    /// The service to be called, such as `product`.
    #[schema(max_length = 64)]
    pub audience: String,
}

impl std::fmt::Debug for ServiceTokenRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceTokenRequest")
            .field("client_id", &self.client_id)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// A token for a service.
#[derive(Clone, Serialize, Deserialize)]
pub struct ServiceToken {
    /// The signed token.
    pub access_token: String,
    /// From when on it is no proof any more.
    pub expires_at: Timestamp,
}

/// A token for a service as it is answered over HTTP (RFC 6749, 5.1).
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ServiceTokenAnswer {
    /// The signed token.
    pub access_token: String,
    /// `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: String,
    /// Seconds for which it is good from now on.
    #[schema(example = 3600)]
    pub expires_in: u64,
    /// The same as a moment; what counts between processes of ours.
    pub expires_at: Timestamp,
}

impl From<ServiceTokenAnswer> for ServiceToken {
    fn from(answer: ServiceTokenAnswer) -> Self {
        Self {
            access_token: answer.access_token,
            expires_at: answer.expires_at,
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// The client is unknown, its secret wrong, or it may not call that service.
    #[error("the client is not accepted")]
    ClientRefused,
    /// Nobody knows; try again.
    #[error("auth is not available")]
    Unavailable(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
}

/// The public operations of the service, as OpenAPI 3.1. Written by `auth-service openapi`; a test keeps it equal.
pub const OPENAPI: &str = include_str!("../openapi.json");

/// The operations for other processes of ours. Written by `auth-service openapi --internal`; a test keeps it equal.
pub const INTERNAL_OPENAPI: &str = include_str!("../internal.json");
