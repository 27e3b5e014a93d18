//! The bus between processes, over NATS JetStream.
//!
//! One stream keeps every event for some days. A relay's events are acknowledged by it before they count as published.
//! A durable subscription is a durable pull consumer; of several replicas one at a time holds its lease, so that events
//! stay in order and a batch can be one transaction. A broadcast subscription is an ephemeral consumer of this process.
//!
//! Start reading at [`NatsBus`], then `publish.rs`, `durable.rs`, `broadcast.rs`. What breaks is begun anew: every
//! subscription is a loop of sessions, and a session looks for stream and consumer and makes them if they are gone.
//!
//! What is acknowledged late or never comes again, so a durable handler keeps an inbox in the transaction of its effect.

mod broadcast;
mod config;
mod durable;
mod lease;
mod link;
mod publish;
mod stream;
mod subjects;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use platform_clock::Clock;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub use config::{NatsConfig, NatsTimings, StreamLimits};

use crate::delivery::Subscriber;
use crate::{Bus, BusError, DeadLetters, Event, Handler, Topics};
use broadcast::Broadcast;
use durable::Durable;
use link::Link;
use publish::Publisher;
use stream::EventStream;

/// How long subscribers may take to end.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// NATS cannot be used as it is configured. One line for an operator.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// Not `nats://host:port` or `tls://host:port`.
    #[error("not a nats:// or tls:// address, or several with commas between")]
    Url,
    /// The file cannot be read or holds no credentials.
    #[error("{} cannot be used", path.display())]
    Credentials {
        /// As it was given.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file of certificates to trust cannot be read.
    #[error("{} cannot be used", path.display())]
    Authorities {
        /// As it was given.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The connection could not be set up; not that the server is away, which is waited out.
    #[error("NATS cannot be used")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A process' place on the bus between processes.
///
/// With the server away `publish` fails at once, subscriptions wait, and all goes on when it is back. Its tasks end when
/// it is dropped.
pub struct NatsBus {
    link: Arc<Link>,
    stream: Arc<EventStream>,
    publisher: Publisher,
    config: NatsConfig,
    clock: Arc<dyn Clock>,
    names: Mutex<BTreeSet<String>>,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl NatsBus {
    /// Connects as `process`, a name for operators. Waits a moment for a server that is away, then leaves it to come.
    pub async fn connect(config: NatsConfig, process: &str, clock: Arc<dyn Clock>) -> Result<Self, NatsError> {
        let link = Arc::new(Link::open(&config, process, clock.clone()).await?);
        let stream = Arc::new(EventStream::new(link.jetstream().clone(), config.limits));
        let publisher = Publisher::new(link.clone(), stream.clone(), config.timings.publish);
        let stop = CancellationToken::new();
        Ok(Self {
            link,
            stream,
            publisher,
            config,
            clock,
            names: Mutex::default(),
            tasks: TaskTracker::new(),
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        })
    }
}

#[async_trait]
impl Bus for NatsBus {
    async fn publish(&self, events: &[Event]) -> Result<usize, BusError> {
        self.publisher.publish(events).await
    }

    async fn subscribe_durable(
        &self,
        name: &str,
        topics: Topics,
        handler: Arc<dyn Handler>,
        dead_letters: Arc<dyn DeadLetters>,
    ) -> Result<(), BusError> {
        let (retries, clock) = (self.config.retries, self.clock.clone());
        let subscriber = Subscriber::new(name, topics, handler, dead_letters, retries, clock)?;
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if !names.insert(name.to_owned()) {
            return Err(BusError::NameTaken(name.to_owned()));
        }
        let durable = Durable {
            link: self.link.clone(),
            stream: self.stream.clone(),
            subscriber,
            timings: self.config.timings,
            clock: self.clock.clone(),
            stop: self.stop.clone(),
        };
        self.tasks.spawn(durable.run());
        Ok(())
    }

    async fn subscribe_broadcast(&self, topics: Topics, handler: Arc<dyn Handler>) -> Result<(), BusError> {
        let broadcast = Broadcast {
            link: self.link.clone(),
            stream: self.stream.clone(),
            topics,
            handler,
            timings: self.config.timings,
            clock: self.clock.clone(),
        };
        // Where the server is there, from now on means from now on.
        let place = broadcast.place_if_up().await;
        self.tasks.spawn(broadcast.run(place, self.stop.clone()));
        Ok(())
    }

    async fn ping(&self) -> Result<(), BusError> {
        self.link.ping().await
    }

    async fn close(&self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(CLOSE_WITHIN, self.tasks.wait()).await.is_err() {
            tracing::warn!("a subscriber did not end in time: its events come again");
        }
    }
}

/// What a session of a subscription broke off for.
type Broken = Box<dyn std::error::Error + Send + Sync>;

fn unavailable(error: impl Into<Broken>) -> BusError {
    BusError::Unavailable(error.into())
}
