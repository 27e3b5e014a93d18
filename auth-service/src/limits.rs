//! How often somebody may try: by address, and by account without locking its owner out.
//!
//! - Every attempt to sign in counts for its network: 30 a minute. Registrations count apart, as many.
//! - A failed attempt counts for its account: 5 a minute. What succeeds is given back.
//! - The account's count is kept twice: one for strangers, all together, and one for each network from which a session of
//!   the account was used before (the store knows them by a fingerprint, as long as the session is kept). So whoever
//!   guesses from elsewhere uses up the strangers' count alone, and the owner, at the usual place, still gets in.
//! - An owner who comes from a new place while somebody guesses has to wait as the guesser does: the answer says how long.
//!   A session that is open is not touched by any of this: it is refreshed without a password.
//! - An address without an account is counted as one with an account, so nothing can be learned from the limit.
//!
//! - A service whose credentials are refused counts for its network: 30 a minute. Whoever proves itself is never held up
//!   by those who do not, and may have 600 tokens a minute.
//!
//! Counts are a process' own; `RATE_LIMITS=off` leaves all of this out.

use std::sync::Arc;
use std::time::Duration;

use platform_clock::Clock;
use values::{Email, SessionId, UserId};

use crate::network::Network;
use crate::throttle::{Limit, Refused, Standing, Throttle};

/// Attempts to sign in of one network.
const SIGN_INS: Limit = per_minute("login-address", 30);
/// Registrations of one network.
const REGISTRATIONS: Limit = per_minute("registration-address", 30);
/// Attempts that fail for one account.
const GUESSES: Limit = per_minute("login-account", 5);
/// Refusals of services of one network.
const REFUSED_CLIENTS: Limit = per_minute("client-address", 30);
/// Tokens for one service: a large deployment that starts at once, and no loop that has gone wild.
const SERVICE_TOKENS: Limit = per_minute("client", 600);

/// The limits on whatever asks for a password.
pub struct Limits {
    sign_ins: Throttle<Network>,
    registrations: Throttle<Network>,
    guesses: Throttle<Guess>,
    refused_clients: Throttle<Network>,
    service_tokens: Throttle<String>,
}

/// Whose attempts a password counts for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Guess {
    /// At an account's password, from a network its owner was never seen at.
    Stranger(String),
    /// At an account's password, from a network its owner was seen at.
    Regular(String, Network),
    /// At the current password of who is signed in already. By session, so that whoever took one over cannot keep the
    /// owner, in another one, from changing it.
    SignedIn(UserId, Option<SessionId>),
}

impl Guess {
    /// At the password of that address.
    pub fn at(email: &Email, network: Network, network_known: bool) -> Self {
        let email = email.key().to_owned();
        if network_known {
            Self::Regular(email, network)
        } else {
            Self::Stranger(email)
        }
    }
}

impl Limits {
    /// Nobody has tried yet.
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        Self {
            sign_ins: Throttle::new(SIGN_INS, clock.clone()),
            registrations: Throttle::new(REGISTRATIONS, clock.clone()),
            guesses: Throttle::new(GUESSES, clock.clone()),
            refused_clients: Throttle::new(REFUSED_CLIENTS, clock.clone()),
            service_tokens: Throttle::new(SERVICE_TOKENS, clock.clone()),
        }
    }

    /// Counts an attempt to sign in.
    pub fn sign_in(&self, network: Network) -> Result<Standing, Refused> {
        self.sign_ins.take(network)
    }

    /// Counts an attempt to register.
    pub fn registration(&self, network: Network) -> Result<Standing, Refused> {
        self.registrations.take(network)
    }

    /// Counts a guess, before it is known whether it is right.
    pub fn guess(&self, guess: &Guess) -> Result<Standing, Refused> {
        self.guesses.take(guess.clone())
    }

    /// The guess was right, or was never looked at.
    pub fn give_back(&self, guess: &Guess) -> Standing {
        self.guesses.give_back(guess)
    }

    /// Counts a service whose credentials were refused.
    pub fn refused_client(&self, network: Network) -> Result<Standing, Refused> {
        self.refused_clients.take(network)
    }

    /// Counts a token for a service that proved itself.
    pub fn service_token(&self, client_id: &str) -> Result<Standing, Refused> {
        self.service_tokens.take(client_id.to_owned())
    }
}

const fn per_minute(name: &'static str, quota: u32) -> Limit {
    Limit {
        name,
        quota,
        window: Duration::from_mins(1),
    }
}
