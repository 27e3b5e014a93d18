//! What other processes may ask of auth: the public keys, and tokens for services.
//!
//! Everything else about accounts is public HTTP. A diff in this crate is a change of the API between services.

pub mod events;
mod problems;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use values::Timestamp;

pub use problems::{EMAIL_TAKEN, INVALID_CREDENTIALS, PROBLEMS, REFRESH_TOKEN_INVALID, REFRESH_TOKEN_REUSED};

/// Keys and tokens, as other processes ask for them.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// The public keys, a JSON Web Key Set (RFC 7517): the next, the current and the previous one.
    async fn jwks(&self) -> Result<String, AccountsError>;

    /// A token by which a service proves itself to another (OAuth 2.0 client credentials, RFC 6749, 4.4); 60 minutes.
    async fn service_token(&self, request: &ServiceTokenRequest) -> Result<ServiceToken, AccountsError>;
}

/// A service asks for a token.
#[derive(Clone, Serialize, Deserialize)]
pub struct ServiceTokenRequest {
    /// Who asks.
    pub client_id: String,
    /// The proof.
    pub client_secret: String,
    /// The service to be called, such as `product`.
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
