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
//! Counts are a process' own; `RATE_LIMITS=off` leaves all of this out.

use std::sync::Arc;
use std::time::Duration;

use platform_clock::Clock;
use values::{Email, UserId};

use crate::network::Network;
use crate::throttle::{Limit, Refused, Standing, Throttle};

/// Attempts of one network.
const BY_NETWORK: Limit = per_minute(30);
/// Attempts that fail for one account.
const BY_ACCOUNT: Limit = per_minute(5);

/// The limits on whatever asks for a password.
pub struct Limits {
    sign_ins: Throttle<Network>,
    registrations: Throttle<Network>,
    strangers: Throttle<String>,
    regulars: Throttle<(String, Network)>,
    changes: Throttle<UserId>,
}

/// Whose attempts a password counts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guess {
    /// At an account's password, from a network its owner was never seen at.
    Stranger(String),
    /// At an account's password, from a network its owner was seen at.
    Regular(String, Network),
    /// At the current password of who is signed in already.
    SignedIn(UserId),
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
            sign_ins: Throttle::new(BY_NETWORK, clock.clone()),
            registrations: Throttle::new(BY_NETWORK, clock.clone()),
            strangers: Throttle::new(BY_ACCOUNT, clock.clone()),
            regulars: Throttle::new(BY_ACCOUNT, clock.clone()),
            changes: Throttle::new(BY_ACCOUNT, clock.clone()),
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
        match guess.clone() {
            Guess::Stranger(email) => self.strangers.take(email),
            Guess::Regular(email, network) => self.regulars.take((email, network)),
            Guess::SignedIn(user) => self.changes.take(user),
        }
    }

    /// The guess was right, or was never looked at.
    pub fn give_back(&self, guess: &Guess) {
        match guess.clone() {
            Guess::Stranger(email) => self.strangers.give_back(&email),
            Guess::Regular(email, network) => self.regulars.give_back(&(email, network)),
            Guess::SignedIn(user) => self.changes.give_back(&user),
        }
    }
}

const fn per_minute(quota: u32) -> Limit {
    Limit {
        quota,
        window: Duration::from_mins(1),
    }
}
