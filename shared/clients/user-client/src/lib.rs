//! What a process needs to reach users, wherever they are.
//!
//! [`SwitchedUsers`] is what a caller holds; it hands each call to the neighbour its switch points to.

use async_trait::async_trait;
use platform_rpc::Switch;
use user_api::{AccountCopy, User, Users, UsersError};

/// Users behind a switch.
pub struct SwitchedUsers(pub Switch<dyn Users>);

#[async_trait]
impl Users for SwitchedUsers {
    async fn ensure(&self, account: &AccountCopy) -> Result<User, UsersError> {
        let users = self.0.for_writing().ok_or(UsersError::Unavailable(None))?;
        users.ensure(account).await
    }
}
