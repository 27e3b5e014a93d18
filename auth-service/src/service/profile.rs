//! Telling users what they keep a copy of, until they acknowledge it.

use std::time::Duration;

use user_api::{User, UsersError};

use super::AuthService;
use crate::store::{Account, StoreError};

/// Accounts told in one go.
const BATCH: u32 = 100;

/// A request tells users by itself; the job takes what is older.
const LEFT_BEHIND: Duration = Duration::from_secs(2);

/// Why the job stopped early.
#[derive(Debug, thiserror::Error)]
pub enum TellError {
    /// Users are away.
    #[error(transparent)]
    Users(#[from] UsersError),
    /// Users took too long.
    #[error("users took too long")]
    Slow,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AuthService {
    /// The profile of an account as users have it. If they do not answer soon enough, what is known here: the job tells
    /// them later.
    pub(super) async fn profile(&self, account: &Account) -> User {
        let user = match self.ensure(account).await {
            Ok(user) => user,
            Err(error) => {
                tracing::warn!(account = %account.id, %error, "the profile is as auth knows it");
                return account.as_user();
            }
        };
        if let Err(error) = self.acknowledge(account).await {
            tracing::warn!(account = %account.id, error = error.to_chain(), "users will be told again");
        }
        user
    }

    /// Tells users of the accounts that they have not acknowledged. Answers whether there may be more.
    pub async fn tell_due(&self) -> Result<bool, TellError> {
        let before = self.0.clock.now().minus(LEFT_BEHIND);
        let due = self.0.store.due_profiles(before, BATCH).await?;
        for account in &due {
            self.ensure(account).await?;
            self.acknowledge(account).await?;
        }
        Ok(due.len() == BATCH as usize)
    }

    async fn ensure(&self, account: &Account) -> Result<User, TellError> {
        let copy = account.to_copy();
        let ensured = tokio::time::timeout(self.0.timings.profile_wait, self.0.users.ensure(&copy)).await;
        Ok(ensured.map_err(|_| TellError::Slow)??)
    }

    async fn acknowledge(&self, account: &Account) -> Result<(), StoreError> {
        if account.profile_due.is_none() {
            return Ok(());
        }
        self.0.store.acknowledge_profile(account.id, account.version).await
    }
}
