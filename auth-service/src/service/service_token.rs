//! Tokens by which services prove themselves to each other, and the keys that everybody verifies with.

use async_trait::async_trait;
use auth_api::{Accounts, AccountsError, ServiceToken, ServiceTokenRequest};
use values::Timestamp;

use super::AuthService;
use crate::network::Network;
use crate::throttle::Refused;

/// Why a service gets no token.
#[derive(Debug, thiserror::Error)]
pub enum ServiceTokenRefused {
    /// It is unknown, its secret wrong, or it may not call that service.
    #[error("the client is not accepted")]
    Client,
    /// It asks too often.
    #[error(transparent)]
    Throttled(#[from] Refused),
}

impl AuthService {
    /// A token for a service that asks from another process. Counted: its refusals by where it asks from, its tokens by who
    /// it is.
    pub fn issue_service_token(
        &self,
        request: &ServiceTokenRequest,
        network: Network,
    ) -> Result<ServiceToken, ServiceTokenRefused> {
        let issued = self.try_issue(request, network);
        let outcome = match &issued {
            Ok(_) => "accepted",
            Err(ServiceTokenRefused::Client) => "refused",
            Err(ServiceTokenRefused::Throttled(_)) => "throttled",
        };
        metrics::counter!("auth_service_tokens_total", "outcome" => outcome).increment(1);
        issued
    }

    fn try_issue(&self, request: &ServiceTokenRequest, network: Network) -> Result<ServiceToken, ServiceTokenRefused> {
        let limits = self.0.limits.as_ref();
        if !self.accepts(request) {
            limits.map(|limits| limits.refused_client(network)).transpose()?;
            return Err(ServiceTokenRefused::Client);
        }
        limits
            .map(|limits| limits.service_token(&request.client_id))
            .transpose()?;
        Ok(self.sign_service_token(request))
    }

    fn accepts(&self, request: &ServiceTokenRequest) -> bool {
        let ServiceTokenRequest {
            client_id,
            client_secret,
            audience,
        } = request;
        self.0.clients.may_call(client_id, client_secret, audience)
    }

    fn sign_service_token(&self, request: &ServiceTokenRequest) -> ServiceToken {
        let audience = format!("stoa:{}", request.audience);
        let claims = self.claims(audience, request.client_id.clone(), self.0.timings.service_token);
        ServiceToken {
            access_token: self.0.keys.ring().current.sign(&claims),
            expires_at: Timestamp::from_micros(claims.exp.saturating_mul(1_000_000)),
        }
    }
}

#[async_trait]
impl Accounts for AuthService {
    async fn jwks(&self) -> Result<String, AccountsError> {
        Ok(self.0.keys.ring().jwks.clone())
    }

    async fn service_token(&self, request: &ServiceTokenRequest) -> Result<ServiceToken, AccountsError> {
        if !self.accepts(request) {
            return Err(AccountsError::ClientRefused);
        }
        Ok(self.sign_service_token(request))
    }
}
