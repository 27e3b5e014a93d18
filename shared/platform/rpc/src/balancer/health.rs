//! Whether an endpoint is asked: what is known from how its last calls ended.
//!
//! Failures in a row count, and one good answer ends the row. *Three* in a row are reason to ask others instead: the
//! endpoint is ejected, if at most half of them are out with it; for when most fail the fault is likely not theirs, and
//! the few that are left would break under the load of all. *Silence* is more: nobody listens, or for a while nothing at
//! all has come back. Then the breaker opens whatever the others do, and if none is left, calls fail at once rather than
//! after their time.
//!
//! Either way the endpoint comes back by one call that tries it (a *probe*), first after a quarter of a second, then after
//! twice as long each time.

use std::time::Duration;

use tokio::time::Instant;

use super::Tuning;

/// How a call ended, as far as the endpoint is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It answered, be it with a refusal.
    Answered,
    /// It said that it cannot answer now: 502, 503, 504, `UNAVAILABLE`.
    Unable,
    /// Nothing came back in a time that should have been enough, or the connection broke.
    Silent,
    /// There was no connection: nothing was sent.
    NotConnected,
}

/// What speaks against an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Evidence {
    None,
    /// Enough to prefer others.
    Failing,
    /// Enough to stop asking it.
    Silence,
}

#[derive(Debug)]
pub(super) struct Health {
    state: State,
    row: Row,
    /// How often in a row it was put out.
    outs: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    In { since: Instant },
    Out { until: Instant },
    Probed,
}

/// Failures in a row.
#[derive(Debug)]
struct Row {
    failures: u32,
    since: Instant,
    all_silent: bool,
    all_unconnected: bool,
}

impl Row {
    /// In a row, for an ejection.
    const FAILING: u32 = 3;
    /// In a row and over [`Row::QUIET`], for the breaker; three if there was no connection.
    const SILENT: u32 = 5;
    const QUIET: Duration = Duration::from_secs(2);

    fn begin(now: Instant) -> Self {
        Self {
            failures: 0,
            since: now,
            all_silent: true,
            all_unconnected: true,
        }
    }

    fn add(&mut self, outcome: Outcome, now: Instant) {
        if self.failures == 0 {
            *self = Self::begin(now);
        }
        self.failures = self.failures.saturating_add(1);
        self.all_unconnected &= outcome == Outcome::NotConnected;
        self.all_silent &= outcome != Outcome::Unable;
    }

    fn evidence(&self, now: Instant) -> Evidence {
        let is_quiet = self.failures >= Self::SILENT && now.duration_since(self.since) >= Self::QUIET;
        if self.failures < Self::FAILING {
            Evidence::None
        } else if self.all_unconnected || (self.all_silent && is_quiet) {
            Evidence::Silence
        } else {
            Evidence::Failing
        }
    }
}

impl Health {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            state: State::In { since: now },
            row: Row::begin(now),
            outs: 0,
        }
    }

    pub(super) fn is_in(&self) -> bool {
        matches!(self.state, State::In { .. })
    }

    /// Whether it is out and due to be tried.
    pub(super) fn wants_probe(&self, now: Instant) -> bool {
        matches!(self.state, State::Out { until } if until <= now)
    }

    /// How much of its full share it bears: it rises while an endpoint is new, or back.
    pub(super) fn warmth(&self, now: Instant, tuning: &Tuning) -> f64 {
        const COLD: f64 = 0.1;
        match self.state {
            State::In { since } => {
                let age = now.duration_since(since).as_secs_f64() / tuning.slow_start.as_secs_f64();
                age.clamp(COLD, 1.0)
            }
            State::Out { .. } | State::Probed => COLD,
        }
    }

    /// One call is on its way to see how it is; nobody else asks until that is known.
    pub(super) fn begin_probe(&mut self) {
        self.state = State::Probed;
    }

    /// The probe's caller went away before it was known.
    pub(super) fn give_probe_back(&mut self, now: Instant) {
        if self.state == State::Probed {
            self.state = State::Out { until: now };
        }
    }

    /// Notes how a call ended. What was under way while the endpoint was put out changes nothing any more.
    pub(super) fn note(&mut self, outcome: Outcome, is_probe: bool, now: Instant, tuning: &Tuning) -> Evidence {
        match self.state {
            State::Out { .. } => return Evidence::None,
            State::Probed if !is_probe => return Evidence::None,
            State::Probed | State::In { .. } => {}
        }
        if outcome == Outcome::Answered {
            self.row.failures = 0;
            match self.state {
                State::In { since } if now.duration_since(since) > tuning.slow_start => self.outs = 0,
                State::In { .. } => {}
                State::Out { .. } | State::Probed => self.state = State::In { since: now },
            }
            return Evidence::None;
        }
        self.row.add(outcome, now);
        // It was out for a reason, and that still holds.
        if is_probe {
            Evidence::Silence
        } else {
            self.row.evidence(now)
        }
    }

    /// Puts it out for a while; `jitter` in `[0, 1)` keeps those that fell together apart.
    pub(super) fn put_out(&mut self, now: Instant, jitter: f64, tuning: &Tuning) {
        let doubled = tuning.out_first.saturating_mul(1 << self.outs.min(16));
        let time = doubled.min(tuning.out_longest).mul_f64(0.8 + 0.4 * jitter);
        self.outs = self.outs.saturating_add(1);
        self.state = State::Out { until: now + time };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::{Answered, NotConnected, Silent, Unable};

    const SECOND: Duration = Duration::from_secs(1);

    /// Notes outcomes, one each step, and answers what the last of them is evidence of.
    fn after(outcomes: &[Outcome], step: Duration) -> Evidence {
        let (mut now, tuning) = (Instant::now(), Tuning::default());
        let mut health = Health::new(now);
        let mut evidence = Evidence::None;
        for outcome in outcomes {
            evidence = health.note(*outcome, false, now, &tuning);
            now += step;
        }
        evidence
    }

    #[test]
    fn three_failures_in_a_row_are_evidence_and_an_answer_ends_the_row() {
        let step = Duration::from_millis(1);
        assert_eq!(after(&[Unable, Silent], step), Evidence::None);
        assert_eq!(after(&[Unable, Silent, Unable], step), Evidence::Failing);
        assert_eq!(after(&[Unable, Silent, Answered, Unable], step), Evidence::None);
    }

    #[test]
    fn where_nobody_listens_three_calls_show_it() {
        assert_eq!(after(&[NotConnected; 3], Duration::ZERO), Evidence::Silence);
        assert_eq!(after(&[NotConnected, Unable, NotConnected], SECOND), Evidence::Failing);
    }

    #[test]
    fn no_answer_is_silence_only_after_a_while() {
        assert_eq!(after(&[Silent; 64], Duration::ZERO), Evidence::Failing);
        assert_eq!(after(&[Silent; 5], SECOND), Evidence::Silence);
        assert_eq!(after(&[Silent; 4], SECOND), Evidence::Failing);
    }

    #[test]
    fn who_says_that_it_cannot_answer_is_not_silent() {
        assert_eq!(after(&[Unable; 64], SECOND), Evidence::Failing);
    }

    #[test]
    fn one_call_tries_an_endpoint_that_was_out_and_each_failure_doubles_the_wait() {
        let (mut now, tuning) = (Instant::now(), Tuning::default());
        let mut health = Health::new(now);
        let mut waits = Vec::new();
        for _ in 0..8 {
            health.put_out(now, 0.5, &tuning);
            let State::Out { until } = health.state else {
                panic!("it is out");
            };
            waits.push((until - now).as_millis());
            assert!(!health.wants_probe(now));
            now = until;
            assert!(health.wants_probe(now));
            health.begin_probe();
            assert!(!health.wants_probe(now), "one probe at a time");
            assert_eq!(health.note(Silent, true, now, &tuning), Evidence::Silence);
        }
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
    }

    #[test]
    fn what_was_under_way_when_it_was_put_out_does_not_bring_it_back() {
        let (now, tuning) = (Instant::now(), Tuning::default());
        let mut health = Health::new(now);
        health.put_out(now, 0.5, &tuning);
        health.note(Answered, false, now, &tuning);
        assert!(!health.is_in());
        health.begin_probe();
        health.note(Answered, false, now, &tuning);
        assert!(!health.is_in());
        health.note(Answered, true, now, &tuning);
        assert!(health.is_in());
    }

    #[test]
    fn a_probe_nobody_waited_for_is_made_again() {
        let (now, tuning) = (Instant::now(), Tuning::default());
        let mut health = Health::new(now);
        health.put_out(now, 0.5, &tuning);
        health.begin_probe();
        health.give_probe_back(now);
        assert!(health.wants_probe(now));
    }

    #[test]
    fn what_is_new_or_back_bears_its_full_share_after_a_while() {
        let (now, tuning) = (Instant::now(), Tuning::default());
        let health = Health::new(now);
        let warmths: Vec<f64> = (0..=4)
            .map(|n| health.warmth(now + n * tuning.slow_start / 4, &tuning))
            .collect();
        assert_eq!(warmths, [0.1, 0.25, 0.5, 0.75, 1.0]);
    }
}
