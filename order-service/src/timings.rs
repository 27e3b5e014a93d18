//! The durations of the protocol in one place, so that a test can shorten them.

use std::time::Duration;

/// How long things take and wait.
#[derive(Debug, Clone, Copy)]
pub struct Timings {
    /// How long one call to stock or payment may take before its answer counts as unknown.
    pub call: Duration,
    /// How long a client waits for the end of its order before it is told that it is pending.
    pub wait: Duration,
    /// How long a worker has an order to itself before the recovery job takes it up.
    pub lease: Duration,
    /// How long a worker goes on with one order.
    pub drive: Duration,
    /// How long an order may stay undecided before it is called off.
    pub deadline: Duration,
    /// The longest pause after the first unknown answer; each further one doubles it.
    pub first_back_off: Duration,
    /// Where the doubling ends.
    pub longest_back_off: Duration,
    /// How often the recovery job looks, on average.
    pub recovery: Duration,
    /// How long the first recovery may keep the process from being ready.
    pub first_recovery: Duration,
    /// How old what the inventory cache says may be.
    pub inventory: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(2),
            wait: Duration::from_secs(2),
            lease: Duration::from_secs(3),
            drive: Duration::from_secs(15),
            deadline: Duration::from_mins(10),
            first_back_off: Duration::from_millis(200),
            longest_back_off: Duration::from_secs(4),
            recovery: Duration::from_secs(1),
            first_recovery: Duration::from_secs(3),
            inventory: Duration::from_secs(1),
        }
    }
}

impl Timings {
    /// The pause after so many unknown answers in a row, with full jitter: `fraction` is chance in `[0, 1)`.
    pub fn back_off(&self, attempts: u32, fraction: f64) -> Duration {
        let doubled = self.first_back_off.saturating_mul(1 << attempts.min(16));
        doubled.min(self.longest_back_off).mul_f64(fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_back_off_doubles_up_to_its_limit() {
        let timings = Timings::default();
        let longest = [0, 1, 4, 5, 99].map(|attempts| timings.back_off(attempts, 1.0).as_millis());
        assert_eq!(longest, [200, 400, 3_200, 4_000, 4_000]);
        assert_eq!(timings.back_off(3, 0.0), Duration::ZERO);
    }
}
