//! Whose word a process takes: the keys it verifies tokens with, and the sessions that ended before their tokens.
//!
//! ```
//! # use std::sync::Arc;
//! # use platform_clock::SystemClock;
//! # use platform_identity::JwksSource;
//! # use platform_runtime::{health::Health, lifecycle::Lifecycle, trust::Trust};
//! # fn trust(source: Arc<dyn JwksSource>, lifecycle: Lifecycle) {
//! let trust = Trust::new("stoa", source, Arc::new(SystemClock));
//! let guard = trust.guard("product"); // for the routes of that service
//! let health = trust.checks(Health::new(lifecycle.clone()));
//! trust.keep_fresh(&lifecycle);
//! # }
//! ```

use std::sync::Arc;

use platform_clock::Clock;
use platform_identity::{Audience, JwksError, JwksSource, Keys, Revocations, Verifier};

use crate::health::Health;
use crate::lifecycle::Lifecycle;
use crate::router::Guard;

/// The keys of a process and what it knows of ended sessions. Cheap to clone.
#[derive(Clone)]
pub struct Trust {
    issuer: Arc<str>,
    keys: Arc<Keys>,
    revocations: Revocations,
    people: Arc<Verifier>,
    clock: Arc<dyn Clock>,
}

impl Trust {
    /// Believes what `issuer` signs with the keys of `source`. No key was seen yet.
    pub fn new(issuer: &str, source: Arc<dyn JwksSource>, clock: Arc<dyn Clock>) -> Self {
        let keys = Arc::new(Keys::new(source, clock.clone()));
        let revocations = Revocations::new();
        let people = Verifier::new(
            issuer,
            Audience::People,
            keys.clone(),
            revocations.clone(),
            clock.clone(),
        );
        Self {
            issuer: issuer.into(),
            keys,
            revocations,
            people: Arc::new(people),
            clock,
        }
    }

    /// Who is let in to the routes of `service`: people, and processes whose token is meant for it.
    pub fn guard(&self, service: &'static str) -> Guard {
        let services = Verifier::new(
            &*self.issuer,
            Audience::Service(service),
            self.keys.clone(),
            self.revocations.clone(),
            self.clock.clone(),
        );
        Guard::new(self.people.clone(), Arc::new(services))
    }

    /// Where it is noted that a session ended.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// Fetches the keys now.
    pub async fn refresh(&self) -> Result<(), JwksError> {
        self.keys.refresh().await
    }

    /// Fetches the keys until there are some, and again from time to time, until the process closes.
    pub fn keep_fresh(&self, lifecycle: &Lifecycle) {
        let (keys, ending) = (self.keys.clone(), lifecycle.clone());
        lifecycle.spawn(async move {
            tokio::select! {
                () = keys.keep_fresh() => {}
                () = ending.closing() => {}
            }
        });
    }

    /// A process that never saw a key is not ready.
    pub fn checks(&self, health: Health) -> Health {
        let keys = self.keys.clone();
        health.hard("keys", move || {
            let seen = if keys.seen() {
                Ok(())
            } else {
                Err("never seen".to_owned())
            };
            std::future::ready(seen)
        })
    }
}
