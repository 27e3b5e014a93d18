//! What operators see of the calls to a neighbour.

use std::time::Duration;

use metrics::{Counter, Histogram};

use crate::call::{Answer, NoAnswer};

/// The metrics of one neighbour; made once, for a lookup by label on every call would cost more than the figure.
pub(crate) struct Figures {
    answered: Counter,
    unsent: Counter,
    unknown: Counter,
    retries: Counter,
    seconds: Histogram,
}

impl Figures {
    pub(crate) fn of(neighbour: &str) -> Self {
        let calls = |outcome: &'static str| metrics::counter!("rpc_calls_total", "neighbour" => neighbour.to_owned(), "outcome" => outcome);
        Self {
            answered: calls("answered"),
            unsent: calls("not_sent"),
            unknown: calls("unknown"),
            retries: metrics::counter!("rpc_retries_total", "neighbour" => neighbour.to_owned()),
            seconds: metrics::histogram!("rpc_call_seconds", "neighbour" => neighbour.to_owned()),
        }
    }

    pub(crate) fn note(&self, outcome: &Result<Answer, NoAnswer>, took: Duration) {
        match outcome {
            Ok(_) => self.answered.increment(1),
            Err(reason) if reason.was_sent() => self.unknown.increment(1),
            Err(_) => self.unsent.increment(1),
        }
        self.seconds.record(took.as_secs_f64());
    }

    pub(crate) fn retried(&self) {
        self.retries.increment(1);
    }
}
