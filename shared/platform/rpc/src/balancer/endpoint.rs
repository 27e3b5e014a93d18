//! One address of a neighbour and what is known of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Tuning;
use super::health::{Evidence, Health, Outcome};
use super::load::PeakEwma;
use crate::resolve::Address;

#[derive(Debug)]
pub(super) struct Endpoint<T> {
    pub(super) address: Address,
    pub(super) service: T,
    in_flight: AtomicUsize,
    standing: Mutex<Standing>,
}

#[derive(Debug)]
struct Standing {
    load: PeakEwma,
    health: Health,
}

/// Whether an endpoint can be asked now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Standby {
    /// It can; how strongly the draw prefers it.
    Weighs(f64),
    /// It is out and due to be tried.
    WantsProbe,
    Out,
    Busy,
}

impl<T> Endpoint<T> {
    pub(super) fn new(address: Address, service: T, now: Instant) -> Self {
        Self {
            address,
            service,
            in_flight: AtomicUsize::new(0),
            standing: Mutex::new(Standing {
                load: PeakEwma::new(now),
                health: Health::new(now),
            }),
        }
    }

    pub(super) fn standby(&self, now: Instant, tuning: &Tuning) -> Standby {
        let in_flight = self.in_flight.load(Ordering::Relaxed);
        if in_flight >= tuning.in_flight {
            return Standby::Busy;
        }
        let standing = self.standing();
        if standing.health.wants_probe(now) {
            return Standby::WantsProbe;
        }
        if !standing.health.is_in() {
            return Standby::Out;
        }
        let waiting = u32::try_from(in_flight).map_or(f64::MAX, f64::from) + 1.0;
        let cost = (standing.load.current(now, tuning.decay) + tuning.noise.as_secs_f64()) * waiting;
        Standby::Weighs(standing.health.warmth(now, tuning) / (cost * cost))
    }

    pub(super) fn is_in(&self) -> bool {
        self.standing().health.is_in()
    }

    /// Counts one more call under way; `false` if that were too many.
    pub(super) fn enter(&self, tuning: &Tuning) -> bool {
        let entered = self.in_flight.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
            (now < tuning.in_flight).then_some(now + 1)
        });
        entered.is_ok()
    }

    pub(super) fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
    }

    /// Takes the one place there is for a probe.
    pub(super) fn begin_probe(&self, now: Instant) -> bool {
        let mut standing = self.standing();
        let is_due = standing.health.wants_probe(now);
        if is_due {
            standing.health.begin_probe();
        }
        is_due
    }

    pub(super) fn give_probe_back(&self, now: Instant) {
        self.standing().health.give_probe_back(now);
    }

    /// A call ended.
    pub(super) fn note(&self, outcome: Outcome, is_probe: bool, took: Duration, tuning: &Tuning) -> Evidence {
        let now = Instant::now();
        let mut standing = self.standing();
        // A refused connection is quick, which is no recommendation.
        if outcome != Outcome::NotConnected {
            standing.load.observe(took, now, tuning.decay);
        }
        standing.health.note(outcome, is_probe, now, tuning)
    }

    /// A call was given up before it ended: it took at least so long.
    pub(super) fn note_given_up(&self, took: Duration, tuning: &Tuning) {
        let now = Instant::now();
        let mut standing = self.standing();
        if took.as_secs_f64() > standing.load.current(now, tuning.decay) {
            standing.load.observe(took, now, tuning.decay);
        }
    }

    pub(super) fn put_out(&self, jitter: f64, tuning: &Tuning) {
        self.standing().health.put_out(Instant::now(), jitter, tuning);
    }

    /// Nothing panics while it is held.
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
