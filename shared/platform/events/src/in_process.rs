//! The bus of a process that holds everything.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::join_all;
use platform_clock::Clock;
use tokio::sync::{Mutex, mpsc};

use crate::{BatchError, Bus, BusError, DeadLetter, DeadLetters, Event, Handler, HandlerError, StorageError, Topics};

/// How many events may wait for one broadcast subscriber before it loses some.
const BROADCAST_QUEUE: usize = 4_096;

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

/// Calls durable subscribers within [`Bus::publish`], so an outbox row is marked when all of them have committed.
///
/// Subscribers work side by side, each on one batch at a time. Where the dead letters' own store fails as well, nothing
/// is given up: `publish` answers how far it got and the relay comes again.
pub struct InProcessBus {
    clock: Arc<dyn Clock>,
    retries: Retries,
    durable: RwLock<Vec<Arc<Durable>>>,
    broadcast: RwLock<Vec<Broadcast>>,
}

struct Durable {
    name: String,
    topics: Topics,
    handler: Arc<dyn Handler>,
    dead_letters: Arc<dyn DeadLetters>,
    turn: Mutex<()>,
}

#[derive(Clone)]
struct Broadcast {
    topics: Topics,
    queue: mpsc::Sender<Arc<Event>>,
}

impl InProcessBus {
    /// A bus without subscribers.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_retries(clock, Retries::default())
    }

    /// The same with other patience.
    pub fn with_retries(clock: Arc<dyn Clock>, retries: Retries) -> Self {
        Self {
            clock,
            retries,
            durable: RwLock::default(),
            broadcast: RwLock::default(),
        }
    }

    fn offer_to_broadcast(&self, events: &[Event]) {
        let subscribers = self.broadcast.read().unwrap_or_else(PoisonError::into_inner);
        if subscribers.is_empty() {
            return;
        }
        for event in events {
            let mut shared = None;
            for subscriber in subscribers
                .iter()
                .filter(|subscriber| subscriber.topics.cover(event.topic()))
            {
                let event = shared.get_or_insert_with(|| Arc::new(event.clone()));
                if subscriber.queue.try_send(Arc::clone(event)).is_err() {
                    metrics::counter!("events_broadcast_dropped_total").increment(1);
                }
            }
        }
    }

    /// How many events from the front one subscriber has committed, and why not more.
    async fn deliver(&self, to: &Durable, events: &[Event]) -> (usize, Option<StorageError>) {
        let places: Vec<usize> = (0..events.len())
            .filter(|&at| to.topics.cover(events[at].topic()))
            .collect();
        if places.is_empty() {
            return (events.len(), None);
        }
        let wanted = if places.len() == events.len() {
            Cow::Borrowed(events)
        } else {
            Cow::Owned(places.iter().map(|&at| events[at].clone()).collect())
        };
        let _turn = to.turn.lock().await;
        let (done, error) = self.hand_over(to, &wanted).await;
        (places.get(done).copied().unwrap_or(events.len()), error)
    }

    /// All at once; what a failed batch leaves, one by one.
    async fn hand_over(&self, to: &Durable, events: &[Event]) -> (usize, Option<StorageError>) {
        let Err(stopped) = self.call(to.handler.handle_batch(events), batch_failed).await else {
            return (events.len(), None);
        };
        let mut done = stopped.handled.min(events.len());
        while let Some(event) = events.get(done) {
            if let Err(error) = self.hand_over_one(to, event).await {
                return (done, Some(error));
            }
            done += 1;
        }
        (done, None)
    }

    async fn hand_over_one(&self, to: &Durable, event: &Event) -> Result<(), StorageError> {
        let mut attempts = 0;
        let mut pause = self.retries.first_pause;
        let error = loop {
            attempts += 1;
            let Err(error) = self.call(to.handler.handle(event), std::convert::identity).await else {
                return Ok(());
            };
            if matches!(error, HandlerError::Poison(_)) || attempts >= self.retries.attempts {
                break error;
            }
            tokio::time::sleep(pause.mul_f64(0.5 + self.clock.fraction() / 2.0)).await;
            pause = (pause * 2).min(self.retries.longest_pause);
        };
        let letter = DeadLetter {
            subscription: to.name.clone(),
            event: event.clone(),
            reason: chain(&error),
            attempts,
            at: self.clock.now(),
        };
        to.dead_letters.put(&letter).await?;
        metrics::counter!("events_dead_letters_total", "subscription" => to.name.clone()).increment(1);
        tracing::error!(
            subscription = to.name,
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

#[async_trait]
impl Bus for InProcessBus {
    async fn publish(&self, events: &[Event]) -> Result<usize, BusError> {
        self.offer_to_broadcast(events);
        let subscribers = self.durable.read().unwrap_or_else(PoisonError::into_inner).clone();
        let deliveries = subscribers.iter().map(|subscriber| self.deliver(subscriber, events));
        let mut durable = events.len();
        let mut cause = None;
        for (done, error) in join_all(deliveries).await {
            durable = durable.min(done);
            cause = cause.or(error);
        }
        match cause {
            Some(error) if durable == 0 => Err(error.into()),
            _ => Ok(durable),
        }
    }

    async fn subscribe_durable(
        &self,
        name: &str,
        topics: Topics,
        handler: Arc<dyn Handler>,
        dead_letters: Arc<dyn DeadLetters>,
    ) -> Result<(), BusError> {
        let mut durable = self.durable.write().unwrap_or_else(PoisonError::into_inner);
        if durable.iter().any(|subscriber| subscriber.name == name) {
            return Err(BusError::NameTaken(name.to_owned()));
        }
        durable.push(Arc::new(Durable {
            name: name.to_owned(),
            topics,
            handler,
            dead_letters,
            turn: Mutex::default(),
        }));
        Ok(())
    }

    async fn subscribe_broadcast(&self, topics: Topics, handler: Arc<dyn Handler>) -> Result<(), BusError> {
        let (queue, waiting) = mpsc::channel(BROADCAST_QUEUE);
        tokio::spawn(serve_broadcast(waiting, handler));
        let mut broadcast = self.broadcast.write().unwrap_or_else(PoisonError::into_inner);
        broadcast.push(Broadcast { topics, queue });
        Ok(())
    }
}

/// Ends when the bus is dropped.
async fn serve_broadcast(mut waiting: mpsc::Receiver<Arc<Event>>, handler: Arc<dyn Handler>) {
    while let Some(event) = waiting.recv().await {
        let failed = match AssertUnwindSafe(handler.handle(&event)).catch_unwind().await {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => chain(&error),
            Err(_panic) => "the handler panicked".to_owned(),
        };
        tracing::warn!(event_id = %event.id, kind = event.kind, reason = failed, "broadcast event was lost");
    }
}

fn batch_failed(error: HandlerError) -> BatchError {
    BatchError { handled: 0, error }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
