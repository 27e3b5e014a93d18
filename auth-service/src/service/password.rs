//! Another password.

use values::{SessionId, UserId};

use super::{Attempted, AuthError, AuthService};
use crate::limits::Guess;
use crate::password::Password;
use crate::store::PasswordChange;

impl AuthService {
    /// Changes the password of who knows the current one. Every other session of the account ends.
    pub async fn change_password(
        &self,
        account: UserId,
        session: Option<SessionId>,
        current: &Password,
        new: &Password,
    ) -> Attempted<()> {
        let guess = Guess::SignedIn(account, session);
        let counted = match self.count(&guess) {
            Ok(counted) => counted,
            Err(refused) => return Attempted::new(Err(refused.into()), None),
        };
        let outcome = self.try_change(account, session, current, new).await;
        let standing = if matches!(outcome, Err(AuthError::InvalidCredentials)) {
            counted
        } else {
            self.uncount(&guess)
        };
        Attempted::new(outcome, standing)
    }

    async fn try_change(
        &self,
        account: UserId,
        session: Option<SessionId>,
        current: &Password,
        new: &Password,
    ) -> Result<(), AuthError> {
        let found = self.0.store.find(account).await?;
        let found = found.ok_or(AuthError::InvalidCredentials)?;
        if !self.0.hasher.verify(current, Some(&found.hash)).await? {
            return Err(AuthError::InvalidCredentials);
        }
        let change = PasswordChange {
            account,
            old: found.hash,
            new: self.0.hasher.hash(new).await?,
            keep: session,
        };
        if self.0.store.change_password(&change, &self.cause()).await? {
            return Ok(());
        }
        // It was changed while it was checked.
        Err(AuthError::InvalidCredentials)
    }
}
