//! Keys and tokens over gRPC.

use async_trait::async_trait;
use auth_api::grpc::proto;
use auth_api::grpc::proto::account_service_client::AccountServiceClient;
use auth_api::{Accounts, AccountsError, ServiceToken, ServiceTokenRequest};
use platform_rpc::{AskError, GrpcNeighbour, Repeat, grpc_request};
use tonic::Status;

use crate::unknown::unknown;

/// auth-service in other processes.
#[derive(Clone)]
pub struct GrpcAccounts(AccountServiceClient<GrpcNeighbour>);

impl GrpcAccounts {
    /// The accounts of a neighbour.
    pub fn new(neighbour: GrpcNeighbour) -> Self {
        Self(AccountServiceClient::new(neighbour))
    }
}

#[async_trait]
impl Accounts for GrpcAccounts {
    async fn jwks(&self) -> Result<String, AccountsError> {
        let request = grpc_request(proto::GetKeysRequest {}, Repeat::Harmless);
        let answered = self.0.clone().get_keys(request).await;
        answered.map(|keys| keys.into_inner().jwks).map_err(refused)
    }

    async fn service_token(&self, request: &ServiceTokenRequest) -> Result<ServiceToken, AccountsError> {
        // A second token does no harm.
        let request = grpc_request(proto::IssueServiceTokenRequest::from(request), Repeat::Harmless);
        let answered = self.0.clone().issue_service_token(request).await;
        let token = ServiceToken::try_from(answered.map_err(refused)?.into_inner());
        token.map_err(|error| unknown(AskError::Unknown(error.into())))
    }
}

fn refused(status: Status) -> AccountsError {
    unknown(status.into())
}
