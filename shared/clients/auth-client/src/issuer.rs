//! Service tokens from auth, for calls to one neighbour.

use std::sync::Arc;

use async_trait::async_trait;
use auth_api::{Accounts, AccountsError, ServiceTokenRequest};
use platform_clock::Clock;
use platform_rpc::{Credential, IssuedToken, TokenError, TokenIssuer};

/// What a [`Credential`](platform_rpc::Credential) gets its tokens from: auth, asked as one client for one audience.
pub struct AccountsIssuer {
    accounts: Arc<dyn Accounts>,
    request: ServiceTokenRequest,
}

impl AccountsIssuer {
    /// Asks with these words each time.
    pub fn new(accounts: Arc<dyn Accounts>, request: ServiceTokenRequest) -> Self {
        Self { accounts, request }
    }
}

/// What a process proves itself with to the service `audience`: tokens that auth gives to the client `id` for its secret.
pub fn credential(
    accounts: Arc<dyn Accounts>,
    id: &str,
    secret: &str,
    audience: &str,
    clock: Arc<dyn Clock>,
) -> Credential {
    let request = ServiceTokenRequest {
        client_id: id.to_owned(),
        client_secret: secret.to_owned(),
        audience: audience.to_owned(),
    };
    Credential::new(AccountsIssuer::new(accounts, request), clock)
}

#[async_trait]
impl TokenIssuer for AccountsIssuer {
    async fn issue(&self) -> Result<IssuedToken, TokenError> {
        let issued = self.accounts.service_token(&self.request).await;
        let issued = issued.map_err(|error| match error {
            AccountsError::ClientRefused => TokenError::Refused,
            AccountsError::Unavailable(_) => TokenError::Unavailable,
        })?;
        Ok(IssuedToken {
            token: issued.access_token,
            expires_at: issued.expires_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auth_api::ServiceToken;
    use values::Timestamp;

    /// Knows one client, and is away for one audience.
    struct Auth;

    #[async_trait]
    impl Accounts for Auth {
        async fn jwks(&self) -> Result<String, AccountsError> {
            Err(AccountsError::Unavailable(None))
        }

        async fn service_token(&self, request: &ServiceTokenRequest) -> Result<ServiceToken, AccountsError> {
            match (request.client_secret.as_str(), request.audience.as_str()) {
                (_, "away") => Err(AccountsError::Unavailable(None)),
                ("secret", audience) => Ok(ServiceToken {
                    access_token: format!("for {audience}"),
                    expires_at: Timestamp::from_micros(7),
                }),
                _ => Err(AccountsError::ClientRefused),
            }
        }
    }

    async fn issue(secret: &str, audience: &str) -> Result<IssuedToken, TokenError> {
        let request = ServiceTokenRequest {
            client_id: "order".to_owned(),
            client_secret: secret.to_owned(),
            audience: audience.to_owned(),
        };
        AccountsIssuer::new(Arc::new(Auth), request).issue().await
    }

    #[tokio::test]
    async fn a_token_comes_with_its_end_and_a_refusal_is_told_from_an_absence() {
        let issued = issue("secret", "product").await.unwrap();
        assert_eq!(issued.token, "for product");
        assert_eq!(issued.expires_at, Timestamp::from_micros(7));
        assert_eq!(issue("wrong", "product").await.err(), Some(TokenError::Refused));
        assert_eq!(issue("secret", "away").await.err(), Some(TokenError::Unavailable));
    }
}
