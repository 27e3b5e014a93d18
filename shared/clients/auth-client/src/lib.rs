//! What a process needs to reach auth, wherever it is.
//!
//! [`SwitchedAccounts`] is what a caller holds; it hands each call to the neighbour its switch points to. No call of this
//! contract changes anything, so a frozen neighbour answers them all. A neighbour in another process is [`connect`]ed to: by
//! the scheme of its target over HTTP ([`HttpAccounts`]) or gRPC ([`GrpcAccounts`]).
//!
//! [`credential`] is by what a process proves itself to other neighbours, with tokens of these accounts, and [`AccountsKeys`]
//! are the keys that it verifies tokens with.

mod connect;
mod grpc;
mod http;
mod issuer;
mod keys;
mod unknown;

use std::sync::Arc;

use async_trait::async_trait;
use auth_api::{Accounts, AccountsError, ServiceToken, ServiceTokenRequest};
use platform_rpc::{Place, Switch};

pub use connect::{Remote, connect};
pub use grpc::GrpcAccounts;
pub use http::HttpAccounts;
pub use issuer::{AccountsIssuer, credential};
pub use keys::AccountsKeys;

/// Accounts behind a switch.
pub struct SwitchedAccounts(pub Switch<dyn Accounts>);

impl SwitchedAccounts {
    /// auth that is not there yet: whoever asks is to ask again. For a process that has to know where auth is before it is
    /// open; then it is turned there.
    pub fn away() -> Self {
        Self(Switch::new(Place::Frozen, Arc::new(Away)))
    }
}

/// Answers nobody.
struct Away;

#[async_trait]
impl Accounts for Away {
    async fn jwks(&self) -> Result<String, AccountsError> {
        Err(AccountsError::Unavailable(None))
    }

    async fn service_token(&self, _: &ServiceTokenRequest) -> Result<ServiceToken, AccountsError> {
        Err(AccountsError::Unavailable(None))
    }
}

#[async_trait]
impl Accounts for SwitchedAccounts {
    async fn jwks(&self) -> Result<String, AccountsError> {
        self.0.for_reading().jwks().await
    }

    async fn service_token(&self, request: &ServiceTokenRequest) -> Result<ServiceToken, AccountsError> {
        self.0.for_reading().service_token(request).await
    }
}
