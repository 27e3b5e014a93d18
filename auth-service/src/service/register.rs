//! Making an account.

use platform_identity::{Role, Roles};
use values::{Email, PersonName, UserId};

use super::{Attempted, AuthError, AuthService, SignedIn};
use crate::limits::Guess;
use crate::network::Network;
use crate::password::Password;
use crate::store::{Credentials, NewAccount, StoreError};
use crate::throttle::Standing;

/// Who wants an account.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The address to sign in with.
    pub email: Email,
    /// The password.
    pub password: Password,
    /// What they want to be called.
    pub name: PersonName,
}

impl AuthService {
    /// Makes an account and signs its owner in. Whoever repeats a registration with the right password a little later has
    /// not got the answer to it: they are signed in.
    pub async fn register(&self, registration: &Registration, network: Network) -> Attempted<SignedIn> {
        let counted = self
            .0
            .limits
            .as_ref()
            .map(|limits| limits.registration(network))
            .transpose();
        let standing = match counted {
            Ok(standing) => standing,
            Err(refused) => return Attempted::new(Err(refused.into()), None),
        };
        let mut nearest = standing;
        let outcome = self.try_register(registration, network, &mut nearest).await;
        Attempted::new(outcome, nearest)
    }

    async fn try_register(
        &self,
        registration: &Registration,
        network: Network,
        standing: &mut Option<Standing>,
    ) -> Result<SignedIn, AuthError> {
        let ring = self.0.keys.ring();
        let fingerprint = ring.refresh.fingerprint(network.as_bytes());
        let email = &registration.email;
        if let Some(found) = self.0.store.find_by_email(email, &fingerprint).await? {
            return self.answer_again(found, registration, network, standing).await;
        }
        let account = NewAccount {
            id: UserId::from(self.0.clock.new_id()),
            email: email.clone(),
            name: registration.name.clone(),
            hash: self.0.hasher.hash(&registration.password).await?,
            roles: Roles::default().with(Role::Customer),
        };
        let cause = self.cause();
        let (session, token) = self.new_session(&ring, &account.id, network, cause.at);
        let account = match self.0.store.register(&account, Some(&session), &cause).await {
            Ok(account) => account,
            Err(StoreError::EmailTaken) => {
                // Somebody, perhaps the same client, was faster by the length of a hash.
                let found = self.0.store.find_by_email(email, &fingerprint).await?;
                let found = found.ok_or(AuthError::EmailTaken)?;
                return self.answer_again(found, registration, network, standing).await;
            }
            Err(error) => return Err(error.into()),
        };
        metrics::counter!("auth_registrations_total").increment(1);
        let user = self.profile(&account).await;
        let grant = self.grant(&ring, &account, token);
        Ok(SignedIn { user, grant })
    }

    /// The address is taken, unless it was by this very registration.
    async fn answer_again(
        &self,
        found: Credentials,
        registration: &Registration,
        network: Network,
        standing: &mut Option<Standing>,
    ) -> Result<SignedIn, AuthError> {
        if self.0.clock.now().since(found.account.created_at) > self.0.timings.lost_answer {
            return Err(AuthError::EmailTaken);
        }
        let guess = Guess::at(&registration.email, network, found.network_known);
        let signed_in = self
            .sign_in(Some(found), &registration.password, network, &guess, standing)
            .await;
        signed_in.map_err(|error| match error {
            AuthError::InvalidCredentials => AuthError::EmailTaken,
            other => other,
        })
    }
}
