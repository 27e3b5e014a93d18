//! How any bus gives events to a subscriber: a batch at a time, what failed one by one, then a dead letter.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use platform_clock::Clock;
use tracing::{Instrument, Span};

use crate::spans::taking;
use crate::{BatchError, BusError, DeadLetter, DeadLetters, Event, Handler, HandlerError, StorageError, Topics};

/// How often a durable subscriber is tried with one event before that becomes a dead letter.
#[derive(Debug, Clone, Copy)]
pub struct Retries {
    /// Tries of an event by itself.
    pub attempts: u32,
    /// The first pause; each further one is twice as long.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How long one call of a handler may take.
    pub timeout: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(2),
            timeout: Duration::from_secs(30),
        }
    }
}

/// A durable subscription as a bus holds it.
pub(crate) struct Subscriber {
    pub(crate) name: String,
    pub(crate) topics: Topics,
    handler: Arc<dyn Handler>,
    dead_letters: Arc<dyn DeadLetters>,
    retries: Retries,
    clock: Arc<dyn Clock>,
}

impl Subscriber {
    /// Refuses a name that is not `<service>.<purpose>`: lower-case letters, digits and `_`, with dots between.
    pub(crate) fn new(
        name: &str,
        topics: Topics,
        handler: Arc<dyn Handler>,
        dead_letters: Arc<dyn DeadLetters>,
        retries: Retries,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BusError> {
        let is_word = |word: &str| {
            let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            !word.is_empty() && word.bytes().all(is_allowed)
        };
        if !name.contains('.') || !name.split('.').all(is_word) {
            return Err(BusError::BadName(name.to_owned()));
        }
        // A counter that is not there yet cannot be seen rising.
        metrics::counter!("events_dead_letters_total", "subscription" => name.to_owned()).increment(0);
        Ok(Self {
            name: name.to_owned(),
            topics,
            handler,
            dead_letters,
            retries,
            clock,
        })
    }

    /// Hands over what the subscription wants of some events, in order. Answers how many events from the front are done
    /// with (committed, a dead letter, or not wanted), and, if these are not all, why the dead letters cannot be written.
    pub(crate) async fn take(&self, events: &[Event]) -> (usize, Option<StorageError>) {
        let places: Vec<usize> = (0..events.len())
            .filter(|&at| self.topics.cover(events[at].topic()))
            .collect();
        let wanted = if places.len() == events.len() {
            Cow::Borrowed(events)
        } else {
            Cow::Owned(places.iter().map(|&at| events[at].clone()).collect())
        };
        let (done, error) = self.hand_over(&wanted).await;
        (places.get(done).copied().unwrap_or(events.len()), error)
    }

    /// All at once; what a failed batch leaves, one by one.
    async fn hand_over(&self, events: &[Event]) -> (usize, Option<StorageError>) {
        // A batch is one piece of work, and a part of the trace of its first.
        let span = events.first().map_or_else(Span::none, taking);
        let Err(stopped) = self
            .call(self.handler.handle_batch(events).instrument(span), batch_failed)
            .await
        else {
            return (events.len(), None);
        };
        let mut done = stopped.handled.min(events.len());
        while let Some(event) = events.get(done) {
            if let Err(error) = self.hand_over_one(event).await {
                return (done, Some(error));
            }
            done += 1;
        }
        (done, None)
    }

    async fn hand_over_one(&self, event: &Event) -> Result<(), StorageError> {
        let mut attempts = 0;
        let mut pause = self.retries.first_pause;
        let error = loop {
            attempts += 1;
            let Err(error) = self
                .call(
                    self.handler.handle(event).instrument(taking(event)),
                    std::convert::identity,
                )
                .await
            else {
                return Ok(());
            };
            if matches!(error, HandlerError::Poison(_)) || attempts >= self.retries.attempts {
                break error;
            }
            tokio::time::sleep(pause.mul_f64(0.5 + self.clock.fraction() / 2.0)).await;
            pause = (pause * 2).min(self.retries.longest_pause);
        };
        let letter = DeadLetter {
            subscription: self.name.clone(),
            event: event.clone(),
            reason: chain(&error),
            attempts,
            at: self.clock.now(),
        };
        self.dead_letters.put(&letter).await?;
        metrics::counter!("events_dead_letters_total", "subscription" => self.name.clone()).increment(1);
        tracing::error!(
            subscription = self.name,
            event_id = %event.id,
            kind = event.kind,
            reason = letter.reason,
            "event became a dead letter"
        );
        Ok(())
    }

    /// A call that is too long or panics has failed, and may be tried again.
    async fn call<E>(
        &self,
        work: impl Future<Output = Result<(), E>> + Send,
        failed: impl FnOnce(HandlerError) -> E,
    ) -> Result<(), E> {
        let guarded = AssertUnwindSafe(work).catch_unwind();
        match tokio::time::timeout(self.retries.timeout, guarded).await {
            Ok(Ok(result)) => result,
            Ok(Err(_panic)) => Err(failed(HandlerError::retry("the handler panicked"))),
            Err(_elapsed) => Err(failed(HandlerError::retry("the handler took too long"))),
        }
    }
}

/// Tells a broadcast subscriber of an event. What it does not take is lost.
pub(crate) async fn tell(handler: &dyn Handler, event: &Event) {
    let handling = handler.handle(event).instrument(taking(event));
    let failed = match AssertUnwindSafe(handling).catch_unwind().await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => chain(&error),
        Err(_panic) => "the handler panicked".to_owned(),
    };
    tracing::warn!(event_id = %event.id, kind = event.kind, reason = failed, "broadcast event was lost");
}

fn batch_failed(error: HandlerError) -> BatchError {
    BatchError { handled: 0, error }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
