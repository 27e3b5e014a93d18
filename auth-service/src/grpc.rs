//! gRPC: the service of the contract. It is open to anybody: keys are public, and tokens are given for the secret of a client.

use auth_api::grpc::proto;
use auth_api::grpc::proto::account_service_server::{AccountService as Api, AccountServiceServer};
use auth_api::{Accounts as _, ServiceTokenRequest};
use platform_problem::{Problem, codes};
use platform_runtime::grpc::{Callers, GrpcRouter};
use platform_runtime::listener::PeerAddr;
use platform_runtime::router::Guard;
use tonic::{Request, Response, Status};

use crate::network::Network;
use crate::service::AuthService;

/// The most bytes of a request.
const MESSAGE_LIMIT: usize = 4 * 1024;

/// All of them.
pub(crate) fn services(accounts: AuthService, guard: &Guard) -> GrpcRouter {
    let accounts = AccountServiceServer::new(AccountServer(accounts)).max_decoding_message_size(MESSAGE_LIMIT);
    let methods = [("GetKeys", Callers::Anybody), ("IssueServiceToken", Callers::Anybody)];
    GrpcRouter::new().service(accounts, auth_api::grpc::DESCRIPTORS, guard, &methods)
}

struct AccountServer(AuthService);

#[tonic::async_trait]
impl Api for AccountServer {
    async fn get_keys(&self, _: Request<proto::GetKeysRequest>) -> Result<Response<proto::KeySet>, Status> {
        match self.0.jwks().await {
            Ok(jwks) => Ok(Response::new(proto::KeySet { jwks })),
            Err(_) => Err(Problem::new(&codes::UNAVAILABLE).into()),
        }
    }

    async fn issue_service_token(
        &self,
        request: Request<proto::IssueServiceTokenRequest>,
    ) -> Result<Response<proto::ServiceToken>, Status> {
        // Callers are processes of ours: nobody stands between them and us.
        let peer = request.extensions().get::<PeerAddr>().map(|PeerAddr(peer)| peer.ip());
        let request = ServiceTokenRequest::from(request.into_inner());
        match self.0.issue_service_token(&request, Network::of(peer)) {
            Ok(token) => Ok(Response::new(token.into())),
            Err(refusal) => Err(Problem::from(refusal).into()),
        }
    }
}
