//! The bus of a process that holds everything.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use futures::future::join_all;
use platform_clock::Clock;
use tokio::sync::{Mutex, mpsc};

use crate::delivery::{Retries, Subscriber, tell};
use crate::{Bus, BusError, DeadLetters, Event, Handler, StorageError, Topics};

/// How many events may wait for one broadcast subscriber before it loses some.
const BROADCAST_QUEUE: usize = 4_096;

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
    subscriber: Subscriber,
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
}

impl Durable {
    /// How many events from the front it has done with, and why not more.
    async fn deliver(&self, events: &[Event]) -> (usize, Option<StorageError>) {
        if !events.iter().any(|event| self.subscriber.topics.cover(event.topic())) {
            return (events.len(), None);
        }
        let _turn = self.turn.lock().await;
        self.subscriber.take(events).await
    }
}

#[async_trait]
impl Bus for InProcessBus {
    async fn publish(&self, events: &[Event]) -> Result<usize, BusError> {
        self.offer_to_broadcast(events);
        let subscribers = self.durable.read().unwrap_or_else(PoisonError::into_inner).clone();
        let deliveries = subscribers.iter().map(|subscriber| subscriber.deliver(events));
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
        let clock = Arc::clone(&self.clock);
        let subscriber = Subscriber::new(name, topics, handler, dead_letters, self.retries, clock)?;
        let mut durable = self.durable.write().unwrap_or_else(PoisonError::into_inner);
        if durable.iter().any(|other| other.subscriber.name == name) {
            return Err(BusError::NameTaken(name.to_owned()));
        }
        durable.push(Arc::new(Durable {
            subscriber,
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
        tell(&*handler, &event).await;
    }
}
