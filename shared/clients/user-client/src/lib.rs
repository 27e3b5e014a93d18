//! What a process needs to reach users, wherever they are.
//!
//! [`SwitchedUsers`] is what a caller holds; it hands each call to the neighbour its switch points to.
//! A neighbour in another process is [`connect`]ed to: by the scheme of its target over HTTP ([`HttpUsers`]) or gRPC
//! ([`GrpcUsers`]).

mod connect;
mod grpc;
mod http;

use async_trait::async_trait;
use platform_rpc::Switch;
use user_api::{AccountCopy, User, Users, UsersError};

pub use connect::{Remote, connect};
pub use grpc::GrpcUsers;
pub use http::HttpUsers;

/// Users behind a switch.
pub struct SwitchedUsers(pub Switch<dyn Users>);

#[async_trait]
impl Users for SwitchedUsers {
    async fn ensure(&self, account: &AccountCopy) -> Result<User, UsersError> {
        let users = self.0.for_writing().ok_or(UsersError::Unavailable(None))?;
        users.ensure(account).await
    }
}
