//! How long an endpoint takes, as far as its last calls tell.

use std::time::Duration;

use tokio::time::Instant;

/// Peak EWMA: a slower call counts at once, faster ones lower the figure bit by bit, and it fades while nothing is heard,
/// so that an endpoint that was slow is asked again. (Finagle's, as described at
/// <https://linkerd.io/2016/03/16/beyond-round-robin-load-balancing-for-latency/>.)
#[derive(Debug)]
pub(super) struct PeakEwma {
    secs: f64,
    at: Instant,
}

impl PeakEwma {
    pub(super) fn new(now: Instant) -> Self {
        Self { secs: 0.0, at: now }
    }

    /// A call took so long.
    pub(super) fn observe(&mut self, took: Duration, now: Instant, decay: Duration) {
        let took = took.as_secs_f64();
        let kept = self.kept(now, decay);
        self.secs = took.max(self.secs * kept + took * (1.0 - kept));
        self.at = now;
    }

    /// In seconds.
    pub(super) fn current(&self, now: Instant, decay: Duration) -> f64 {
        self.secs * self.kept(now, decay)
    }

    /// How much of the figure still counts.
    fn kept(&self, now: Instant, decay: Duration) -> f64 {
        let age = now.saturating_duration_since(self.at);
        (-age.as_secs_f64() / decay.as_secs_f64()).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECAY: Duration = Duration::from_secs(1);

    fn millis(load: &PeakEwma, now: Instant) -> u128 {
        Duration::from_secs_f64(load.current(now, DECAY)).as_millis()
    }

    #[test]
    fn a_slow_call_counts_at_once_and_fades() {
        let start = Instant::now();
        let mut load = PeakEwma::new(start);
        load.observe(Duration::from_millis(10), start, DECAY);
        load.observe(Duration::from_millis(500), start, DECAY);
        assert_eq!(millis(&load, start), 500);
        assert_eq!(millis(&load, start + DECAY), 183);
    }

    #[test]
    fn fast_calls_lower_it_bit_by_bit() {
        let mut now = Instant::now();
        let mut load = PeakEwma::new(now);
        load.observe(Duration::from_millis(500), now, DECAY);
        for _ in 0..10 {
            now += Duration::from_millis(100);
            load.observe(Duration::from_millis(10), now, DECAY);
        }
        assert_eq!(millis(&load, now), 190);
    }
}
