//! What a process needs to reach auth, wherever it is.
//!
//! [`SwitchedAccounts`] is what a caller holds; it hands each call to the neighbour its switch points to. No call of this
//! contract changes anything, so a frozen neighbour answers them all. [`AccountsIssuer`] gets the tokens by which a process
//! proves itself to other neighbours.

mod issuer;

use async_trait::async_trait;
use auth_api::{Accounts, AccountsError, ServiceToken, ServiceTokenRequest};
use platform_rpc::Switch;

pub use issuer::AccountsIssuer;

/// Accounts behind a switch.
pub struct SwitchedAccounts(pub Switch<dyn Accounts>);

#[async_trait]
impl Accounts for SwitchedAccounts {
    async fn jwks(&self) -> Result<String, AccountsError> {
        self.0.for_reading().jwks().await
    }

    async fn service_token(&self, request: &ServiceTokenRequest) -> Result<ServiceToken, AccountsError> {
        self.0.for_reading().service_token(request).await
    }
}
