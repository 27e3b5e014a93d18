//! The figures of the balancer.

use std::time::Duration;

/// How the balancer weighs and waits. The defaults are for services in one data centre.
#[derive(Debug, Clone)]
pub struct Tuning {
    /// A name is resolved again this often.
    pub resolve_every: Duration,
    /// A new endpoint, or one that is back, reaches its full share after this.
    pub slow_start: Duration,
    /// What was heard of an endpoint's speed fades to a third in this time.
    pub decay: Duration,
    /// Differences below this are taken for noise.
    pub noise: Duration,
    /// Calls under way at one endpoint; HTTP/2 servers of ours take 250 streams.
    pub in_flight: usize,
    /// How long an endpoint is out the first time; then twice as long each time.
    pub out_first: Duration,
    /// At most.
    pub out_longest: Duration,
    /// How long a connection may take to be made.
    pub connect: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            resolve_every: Duration::from_secs(2),
            slow_start: Duration::from_secs(4),
            decay: Duration::from_secs(1),
            noise: Duration::from_millis(10),
            in_flight: 200,
            out_first: Duration::from_millis(250),
            out_longest: Duration::from_secs(8),
            connect: Duration::from_millis(500),
        }
    }
}
