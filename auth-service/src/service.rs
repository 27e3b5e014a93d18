//! The rules of accounts and sessions.
//!
//! One file a use case: `register`, `login`, `refresh` (and logout), `password`, `profile` (telling users),
//! `service_token`, [`admin`].

pub mod admin;
mod login;
mod password;
mod profile;
mod refresh;
mod register;
mod service_token;

use std::sync::Arc;
use std::time::Duration;

use platform_clock::Clock;
use platform_identity::{Audience, Claims};
use platform_runtime::context;
use user_api::{User, Users};
use values::{SessionId, Timestamp};

use crate::keys::{KeyRing, Keys};
use crate::limits::{Guess, Limits};
use crate::network::Network;
use crate::password::{Busy, Hasher};
use crate::refresh_token::RefreshToken;
use crate::service_clients::ServiceClients;
use crate::store::{Account, AccountStore, Cause, NewSession, StoreError, role_names};
use crate::throttle::{Refused, Standing};

pub use register::Registration;
pub use service_token::ServiceTokenRefused;

/// Accounts, as this process keeps them. Cheap to clone.
#[derive(Clone)]
pub struct AuthService(Arc<Parts>);

/// What the service is made of.
pub struct Parts {
    /// Keeps accounts and sessions.
    pub store: Arc<dyn AccountStore>,
    /// Is told of every account.
    pub users: Arc<dyn Users>,
    /// Signs.
    pub keys: Keys,
    /// Checks passwords.
    pub hasher: Hasher,
    /// Counts attempts; none with `RATE_LIMITS=off`.
    pub limits: Option<Limits>,
    /// The services that may ask for tokens.
    pub clients: ServiceClients,
    /// `TOKEN_ISSUER`.
    pub issuer: String,
    /// How long things last.
    pub timings: Timings,
    /// Time, ids and chance.
    pub clock: Arc<dyn Clock>,
}

/// How long things last.
#[derive(Debug, Clone, Copy)]
pub struct Timings {
    /// An access token.
    pub access_token: Duration,
    /// A service's token.
    pub service_token: Duration,
    /// A session that is not used.
    pub session_idle: Duration,
    /// A spent refresh token, while its successor is unused.
    pub refresh_grace: Duration,
    /// After a registration: a repetition with the right password is the same registration, its answer lost.
    pub lost_answer: Duration,
    /// A request's wait for users to acknowledge its account.
    pub profile_wait: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            access_token: Duration::from_mins(15),
            service_token: Duration::from_hours(1),
            session_idle: Duration::from_hours(30 * 24),
            refresh_grace: Duration::from_secs(10),
            lost_answer: Duration::from_mins(10),
            profile_wait: Duration::from_secs(1),
        }
    }
}

/// A pair of tokens.
pub struct Grant {
    /// Proves who asks, for as long as it lives.
    pub access_token: String,
    /// Gets the next pair.
    pub refresh_token: RefreshToken,
    /// How long the access token lives.
    pub expires_in: Duration,
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Grant of {}", self.refresh_token.session())
    }
}

/// Somebody who signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// The tokens of the new session.
    pub grant: Grant,
}

/// An attempt and how the one who tried now stands.
#[derive(Debug)]
pub struct Attempted<T> {
    /// What came of it.
    pub outcome: Result<T, AuthError>,
    /// By the limit that is nearest; none with limits off.
    pub standing: Option<Standing>,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// An account has the address.
    #[error("the address is taken")]
    EmailTaken,
    /// Wrong password or unknown address.
    #[error("address or password wrong")]
    InvalidCredentials,
    /// A refresh token that never was one, or whose session ended.
    #[error("the refresh token is not accepted")]
    RefreshTokenInvalid,
    /// A refresh token that was spent before.
    #[error("the refresh token was used before")]
    RefreshTokenReused,
    /// Tried too often.
    #[error(transparent)]
    Throttled(#[from] Refused),
    /// Too many passwords wait to be checked.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The store is away; the same may work in a moment.
    #[error("accounts cannot be read or written now")]
    Unavailable(#[source] StoreError),
    /// The store is broken, or we are.
    #[error("accounts cannot be read or written")]
    Fault(#[source] StoreError),
}

impl From<StoreError> for AuthError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::EmailTaken => Self::EmailTaken,
            StoreError::Database(platform_sql::Error::Unavailable(_)) | StoreError::Outdated => {
                Self::Unavailable(error)
            }
            _ => Self::Fault(error),
        }
    }
}

impl AuthService {
    /// Of its parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The keys it signs with.
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// The time, as the service sees it.
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    pub(crate) fn store(&self) -> &dyn AccountStore {
        &*self.0.store
    }

    fn cause(&self) -> Cause {
        Cause {
            at: self.0.clock.now(),
            traceparent: context::traceparent(),
        }
    }

    /// A session to be opened, and its first refresh token.
    fn new_session(
        &self,
        ring: &KeyRing,
        account: &values::UserId,
        network: Network,
        at: Timestamp,
    ) -> (NewSession, RefreshToken) {
        let id = SessionId::from(self.0.clock.new_id());
        let mut secret = [0; 32];
        self.0.clock.fill_random(&mut secret);
        let token = ring.refresh.issue(id, secret);
        let session = NewSession {
            id,
            account: *account,
            token: token.hash(),
            network: ring.refresh.fingerprint(network.as_bytes()),
            expires_at: at.plus(self.0.timings.session_idle),
        };
        (session, token)
    }

    fn grant(&self, ring: &KeyRing, account: &Account, refresh_token: RefreshToken) -> Grant {
        let subject = account.id.to_string();
        let lifetime = self.0.timings.access_token;
        let person = Claims {
            client_id: "stoa".to_owned(),
            sid: Some(refresh_token.session()),
            roles: role_names(account.roles),
            ..self.claims(Audience::People.claim(), subject, lifetime)
        };
        Grant {
            access_token: ring.current.sign(&person),
            refresh_token,
            expires_in: lifetime,
        }
    }

    /// The claims of a token that is good from now on, of a client that is its own subject.
    fn claims(&self, audience: String, subject: String, lifetime: Duration) -> Claims {
        let now = self.0.clock.now();
        Claims {
            iss: self.0.issuer.clone(),
            aud: audience,
            client_id: subject.clone(),
            sub: subject,
            iat: now.as_secs(),
            nbf: now.as_secs(),
            exp: now.plus(lifetime).as_secs(),
            jti: self.0.clock.new_id().to_string(),
            sid: None,
            roles: Vec::new(),
        }
    }

    /// Counts a guess at a password, if attempts are counted.
    fn count(&self, guess: &Guess) -> Result<Option<Standing>, Refused> {
        self.0.limits.as_ref().map(|limits| limits.guess(guess)).transpose()
    }

    /// A guess that was right, or never looked at, does not count.
    fn uncount(&self, guess: &Guess) -> Option<Standing> {
        self.0.limits.as_ref().map(|limits| limits.give_back(guess))
    }
}

impl<T> Attempted<T> {
    fn new(outcome: Result<T, AuthError>, standing: Option<Standing>) -> Self {
        let refused = match &outcome {
            Err(AuthError::Throttled(refused)) => Some(refused.standing),
            _ => None,
        };
        Self {
            outcome,
            standing: refused.or(standing),
        }
    }
}
