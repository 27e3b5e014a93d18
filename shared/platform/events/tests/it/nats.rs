//! The bus between processes, each test with a server of its own.

mod outage;
mod replicas;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use platform_clock::SystemClock;
use platform_events::testing::{InMemoryOutbox, Recorder, event};
use platform_events::{
    Bus, BusError, DeadLetters, Event, Handler, InMemoryDeadLetters, NatsBus, NatsConfig, NatsTimings, Relay, Retries,
    Topics, Wake,
};
use platform_testing::NatsServer;
use tokio_util::sync::{CancellationToken, DropGuard};

platform_events::bus_contract!(served);

/// A bus with a server of its own.
async fn served() -> Option<Served> {
    let server = NatsServer::start().await?;
    let bus = connect(&server).await;
    Some(Served { bus, _server: server })
}

struct Served {
    bus: NatsBus,
    _server: NatsServer,
}

#[async_trait]
impl Bus for Served {
    async fn publish(&self, events: &[Event]) -> Result<usize, BusError> {
        self.bus.publish(events).await
    }
    async fn subscribe_durable(
        &self,
        name: &str,
        topics: Topics,
        handler: Arc<dyn Handler>,
        dead_letters: Arc<dyn DeadLetters>,
    ) -> Result<(), BusError> {
        self.bus.subscribe_durable(name, topics, handler, dead_letters).await
    }
    async fn subscribe_broadcast(&self, topics: Topics, handler: Arc<dyn Handler>) -> Result<(), BusError> {
        self.bus.subscribe_broadcast(topics, handler).await
    }
    async fn ping(&self) -> Result<(), BusError> {
        self.bus.ping().await
    }
    async fn close(&self) {
        self.bus.close().await;
    }
}

/// Short of patience, for tests.
fn config(server: &NatsServer) -> NatsConfig {
    NatsConfig {
        retries: Retries {
            attempts: 3,
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(2),
            timeout: Duration::from_secs(30),
        },
        timings: NatsTimings {
            first_wait: Duration::from_secs(5),
            publish: Duration::from_secs(2),
            ack_wait: Duration::from_secs(1),
            lease: Duration::from_secs(1),
            poll: Duration::from_secs(2),
            longest_pause: Duration::from_millis(200),
        },
        ..NatsConfig::new(server.url())
    }
}

async fn connect(server: &NatsServer) -> NatsBus {
    connect_with(config(server)).await
}

async fn connect_with(config: NatsConfig) -> NatsBus {
    let connected = NatsBus::connect(config, "test", Arc::new(SystemClock)).await;
    connected.expect("the configuration is sound")
}

fn things() -> Topics {
    Topics::new(["thing.*"])
}

fn numbered(numbers: std::ops::Range<u32>) -> Vec<Event> {
    numbers.map(|number| event("thing.made.v1", number)).collect()
}

fn subjects(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| number.to_string()).collect()
}

async fn durable(bus: &impl Bus, handler: &Arc<Recorder>) -> Arc<InMemoryDeadLetters> {
    let letters = Arc::new(InMemoryDeadLetters::default());
    let subscribed = bus.subscribe_durable("t.things", things(), handler.clone(), letters.clone());
    subscribed.await.expect("the name is free");
    letters
}

/// An outbox and its relay.
struct Publishing {
    outbox: Arc<InMemoryOutbox>,
    wake: Wake,
    _stop: DropGuard,
}

impl Publishing {
    fn over(bus: Arc<dyn Bus>) -> Self {
        let (outbox, wake, stop) = (
            Arc::new(InMemoryOutbox::default()),
            Wake::default(),
            CancellationToken::new(),
        );
        let relay = Relay::new("thing", outbox.clone(), bus, Arc::new(SystemClock), wake.clone());
        tokio::spawn(relay.run(stop.clone()));
        Self {
            outbox,
            wake,
            _stop: stop.drop_guard(),
        }
    }

    fn append(&self, events: Vec<Event>) {
        self.outbox.append(events);
        self.wake.wake();
    }
}
