//! The way from a relay to the subscribers.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{DeadLetters, Event, Handler, StorageError, Topics};

/// Why nothing more could be published or subscribed.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The bus is away; try again later.
    #[error("the event bus is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Two durable subscriptions of one process bear the same name.
    #[error("there is a durable subscription {0} already")]
    NameTaken(String),
    /// A fault in the code that subscribes.
    #[error("a durable subscription is named <service>.<purpose>, in lower-case letters, digits and _: not {0:?}")]
    BadName(String),
}

impl From<StorageError> for BusError {
    fn from(error: StorageError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Takes events from relays and gives them to subscribers, at least once, in the order of each publisher.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Publishes events in order and answers how many from the front are durable: committed by every durable
    /// subscriber (in process) or acknowledged by the broker. Fewer than given, or an error, means: come again with the
    /// rest. Never waits for a broadcast subscriber.
    async fn publish(&self, events: &[Event]) -> Result<usize, BusError>;

    /// Subscribes for good, under a name that is unique in the system (`<service>.<purpose>`). Events arrive one batch
    /// at a time, in order. An event whose handler fails is tried a bounded number of times with back-off, then put
    /// into `dead_letters`, and the next one follows.
    async fn subscribe_durable(
        &self,
        name: &str,
        topics: Topics,
        handler: Arc<dyn Handler>,
        dead_letters: Arc<dyn DeadLetters>,
    ) -> Result<(), BusError>;

    /// Whether events can flow now; for readiness, which names it and does not depend on it.
    async fn ping(&self) -> Result<(), BusError> {
        Ok(())
    }

    /// Ends the subscriptions: what is being handled is finished, and what comes is left to a successor at once. To be
    /// called when the process has served its last request.
    async fn close(&self) {}

    /// Subscribes this process from now on. Events may be lost (a full queue, a handler that fails): what they feed must
    /// expire by itself.
    async fn subscribe_broadcast(&self, topics: Topics, handler: Arc<dyn Handler>) -> Result<(), BusError>;
}
