//! Users over HTTP.

use async_trait::async_trait;
use platform_rpc::{Call, HttpNeighbour, Repeat};
use user_api::{AccountCopy, ENSURE_PATH, User, Users, UsersError};

/// Users in other processes.
#[derive(Clone)]
pub struct HttpUsers(HttpNeighbour);

impl HttpUsers {
    /// The users of a neighbour.
    pub fn new(neighbour: HttpNeighbour) -> Self {
        Self(neighbour)
    }
}

#[async_trait]
impl Users for HttpUsers {
    async fn ensure(&self, account: &AccountCopy) -> Result<User, UsersError> {
        // Idempotent: the highest version of the account wins.
        let call = Call::post(ENSURE_PATH).repeat(Repeat::Harmless).json(account);
        let answer = self.0.ask(call).await;
        answer.map_err(|error| UsersError::Unavailable(Some(error.into())))
    }
}
