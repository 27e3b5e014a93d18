//! The keys that tokens are verified with.

use std::sync::Arc;

use async_trait::async_trait;
use auth_api::Accounts;
use platform_identity::{JwkSet, JwksError, JwksSource};

/// The keys of auth, wherever it is: for the verifiers of any process.
pub struct AccountsKeys(Arc<dyn Accounts>);

impl AccountsKeys {
    /// The keys that these accounts are signed with.
    pub fn new(accounts: Arc<dyn Accounts>) -> Self {
        Self(accounts)
    }
}

#[async_trait]
impl JwksSource for AccountsKeys {
    async fn fetch(&self) -> Result<JwkSet, JwksError> {
        let keys = self.0.jwks().await.map_err(|error| JwksError(error.to_string()))?;
        serde_json::from_str(&keys).map_err(|error| JwksError(error.to_string()))
    }
}
