//! gRPC: the service of the contract. Each method reads a message, calls the service and writes the answer.

use platform_runtime::grpc::{Callers, GrpcRouter, unreadable};
use platform_runtime::router::Guard;
use tonic::{Request, Response, Status};
use user_api::grpc::DESCRIPTORS;
use user_api::grpc::proto;
use user_api::grpc::proto::user_service_server::{UserService as Api, UserServiceServer};
use user_api::{AccountCopy, Users as _};

use crate::http::refused;
use crate::service::UserService;

/// The most bytes of a request.
const MESSAGE_LIMIT: usize = 64 * 1024;

/// All of them, behind a guard.
pub(crate) fn services(users: UserService, guard: &Guard) -> GrpcRouter {
    let users = UserServiceServer::new(UserServer(users)).max_decoding_message_size(MESSAGE_LIMIT);
    GrpcRouter::new().service(users, DESCRIPTORS, guard, &[("EnsureUser", Callers::Services)])
}

struct UserServer(UserService);

#[tonic::async_trait]
impl Api for UserServer {
    async fn ensure_user(&self, request: Request<proto::EnsureUserRequest>) -> Result<Response<proto::User>, Status> {
        let account = AccountCopy::try_from(request.into_inner()).map_err(unreadable)?;
        match self.0.ensure(&account).await {
            Ok(user) => Ok(Response::new(user.into())),
            Err(error) => Err(refused(&error).into()),
        }
    }
}
