//! What all calls of a process share.

use std::sync::Arc;

use platform_clock::{Clock, SystemClock};

use crate::balancer::Tuning;
use crate::resolve::{Resolve, SystemResolver};

/// What all calls of a process share: made once in `main`, lent to every neighbour's constructor.
#[derive(Clone)]
pub struct Outgoing {
    /// Finds addresses.
    pub resolver: Arc<dyn Resolve>,
    /// Time and chance.
    pub clock: Arc<dyn Clock>,
    /// How the balancers weigh and wait.
    pub tuning: Tuning,
}

impl Default for Outgoing {
    /// The operating system's resolver and clock.
    fn default() -> Self {
        Self {
            resolver: Arc::new(SystemResolver),
            clock: Arc::new(SystemClock),
            tuning: Tuning::default(),
        }
    }
}
