//! Keys and tokens over HTTP.

use async_trait::async_trait;
use auth_api::{
    Accounts, AccountsError, JWKS_PATH, SERVICE_TOKEN_PATH, ServiceToken, ServiceTokenAnswer, ServiceTokenRequest,
};
use platform_rpc::{Call, HttpNeighbour, Repeat};

use crate::unknown::unknown;

/// auth-service in other processes.
#[derive(Clone)]
pub struct HttpAccounts(HttpNeighbour);

impl HttpAccounts {
    /// The accounts of a neighbour.
    pub fn new(neighbour: HttpNeighbour) -> Self {
        Self(neighbour)
    }
}

#[async_trait]
impl Accounts for HttpAccounts {
    async fn jwks(&self) -> Result<String, AccountsError> {
        let keys = self.0.ask_bytes(Call::get(JWKS_PATH).repeat(Repeat::Harmless)).await;
        let keys = keys.map_err(unknown)?;
        String::from_utf8(keys.into()).map_err(|error| AccountsError::Unavailable(Some(error.into())))
    }

    async fn service_token(&self, request: &ServiceTokenRequest) -> Result<ServiceToken, AccountsError> {
        // A second token does no harm.
        let call = Call::post(SERVICE_TOKEN_PATH).repeat(Repeat::Harmless).json(request);
        let answer: Result<ServiceTokenAnswer, _> = self.0.ask(call).await;
        answer.map(ServiceToken::from).map_err(unknown)
    }
}
