//! Users over gRPC.

use async_trait::async_trait;
use platform_rpc::{AskError, GrpcNeighbour, Repeat, grpc_request};
use user_api::grpc::proto;
use user_api::grpc::proto::user_service_client::UserServiceClient;
use user_api::{AccountCopy, User, Users, UsersError};

/// Users in other processes.
#[derive(Clone)]
pub struct GrpcUsers(UserServiceClient<GrpcNeighbour>);

impl GrpcUsers {
    /// The users of a neighbour.
    pub fn new(neighbour: GrpcNeighbour) -> Self {
        Self(UserServiceClient::new(neighbour))
    }
}

#[async_trait]
impl Users for GrpcUsers {
    async fn ensure(&self, account: &AccountCopy) -> Result<User, UsersError> {
        let request = grpc_request(proto::EnsureUserRequest::from(account), Repeat::Harmless);
        let answered = self.0.clone().ensure_user(request).await;
        let message = answered.map_err(|status| UsersError::Unavailable(Some(AskError::from(status).into())))?;
        let user = User::try_from(message.into_inner());
        // A message that cannot be what it stands for is no answer.
        user.map_err(|error| UsersError::Unavailable(Some(error.into())))
    }
}
