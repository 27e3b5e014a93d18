//! Signing in.

use values::Email;

use super::{Attempted, AuthError, AuthService, SignedIn};
use crate::limits::Guess;
use crate::network::Network;
use crate::password::Password;
use crate::store::Credentials;
use crate::throttle::Standing;

impl AuthService {
    /// Opens a session for who knows the password of an account. An address without an account takes the same time to the
    /// same answer.
    pub async fn login(&self, email: &Email, password: &Password, network: Network) -> Attempted<SignedIn> {
        let mut standing = None;
        let outcome = self.try_login(email, password, network, &mut standing).await;
        let label = match &outcome {
            Ok(_) => "accepted",
            Err(AuthError::InvalidCredentials) => "refused",
            Err(AuthError::Throttled(_)) => "throttled",
            Err(_) => "failed",
        };
        metrics::counter!("auth_logins_total", "outcome" => label).increment(1);
        Attempted::new(outcome, standing)
    }

    async fn try_login(
        &self,
        email: &Email,
        password: &Password,
        network: Network,
        standing: &mut Option<Standing>,
    ) -> Result<SignedIn, AuthError> {
        if let Some(limits) = &self.0.limits {
            *standing = Some(limits.sign_in(network)?);
        }
        let fingerprint = self.0.keys.ring().refresh.fingerprint(network.as_bytes());
        let found = self.0.store.find_by_email(email, &fingerprint).await?;
        let network_known = found.as_ref().is_some_and(|found| found.network_known);
        let guess = Guess::at(email, network, network_known);
        self.sign_in(found, password, network, &guess, standing).await
    }

    /// Opens a session if the password is that of the account. A wrong one counts.
    pub(super) async fn sign_in(
        &self,
        found: Option<Credentials>,
        password: &Password,
        network: Network,
        guess: &Guess,
        standing: &mut Option<Standing>,
    ) -> Result<SignedIn, AuthError> {
        let counted = self.count(guess)?;
        let hash = found.as_ref().map(|found| &found.hash);
        let verified = self.0.hasher.verify(password, hash).await;
        let stands = if verified == Ok(false) {
            counted
        } else {
            self.uncount(guess)
        };
        *standing = nearer(*standing, stands);
        let Some(found) = found.filter(|_| verified == Ok(true)) else {
            verified?;
            return Err(AuthError::InvalidCredentials);
        };
        let ring = self.0.keys.ring();
        let cause = self.cause();
        let (session, token) = self.new_session(&ring, &found.account.id, network, cause.at);
        let opened = self.0.store.open_session(&session, &found.hash, &cause).await?;
        // None if the password was changed while it was checked; the roles, too, may have been.
        let account = opened.ok_or(AuthError::InvalidCredentials)?;
        let user = self.profile(&account).await;
        let grant = self.grant(&ring, &account, token);
        Ok(SignedIn { user, grant })
    }
}

/// Of two limits the one that is reached first.
fn nearer(one: Option<Standing>, other: Option<Standing>) -> Option<Standing> {
    one.into_iter().chain(other).min_by_key(|standing| standing.remaining)
}
