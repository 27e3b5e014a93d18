//! One shelf tells another over NATS, and each event has one effect, whatever is lost on the way.
//!
//! The first shelf appends an event to its outbox with everything it gives out; its relay publishes them. The second
//! shelf subscribes durably, and takes one for each event in one transaction with its inbox. In the end both have given
//! out as much.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use platform_clock::SystemClock;
use platform_events::{
    Bus, Event, Handler, HandlerError, NatsBus, NatsConfig, NatsTimings, Outbox, Pending, Relay, StorageError, Topics,
};
use platform_sql::testing::TestDatabase;
use platform_testing::NatsServer;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;
use values::Timestamp;

use crate::shelf::{self, Shelf};

const FULL: i64 = 1_000_000;

/// Runs the list on both engines; each test gets a source, a copy and a server.
macro_rules! exactly_once {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let (source, copy) = (super::TestDatabase::sqlite(), super::TestDatabase::sqlite());
                if let Some(scene) = super::Scene::set(&source, &copy).await {
                    super::$test(scene).await;
                }
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let Some(source) = super::TestDatabase::postgres().await else { return };
                let Some(copy) = super::TestDatabase::postgres().await else { return };
                if let Some(scene) = super::Scene::set(&source, &copy).await {
                    super::$test(scene).await;
                }
            })+
        }
    };
}

exactly_once!(
    while_the_server_is_killed_again_and_again,
    when_acknowledgements_are_lost_and_events_come_again,
    when_a_relay_forgets_what_it_published,
    when_consumers_die_in_the_middle_of_their_work,
);

/// Two shelves and what is between them.
struct Scene {
    source: Shelf,
    goods: Uuid,
    copy: Arc<Copy>,
    server: NatsServer,
    given_out: AtomicI64,
}

/// The second shelf, which takes one for each event.
struct Copy {
    shelf: Shelf,
    goods: Uuid,
    calls: AtomicU32,
}

#[async_trait]
impl Handler for Copy {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let taken = self.shelf.store.take_for("copy.take", self.goods, event.clone()).await;
        taken.map(drop).map_err(HandlerError::retry)
    }
}

impl Scene {
    async fn set(source: &TestDatabase, copy: &TestDatabase) -> Option<Self> {
        let server = NatsServer::start().await?;
        let (source, copy) = (
            shelf::open(source.open("shelf").await).await,
            shelf::open(copy.open("shelf").await).await,
        );
        let goods = source.with_goods("tea", FULL).await.id;
        let copied = copy.with_goods("tea", FULL).await.id;
        let copy = Copy {
            shelf: copy,
            goods: copied,
            calls: AtomicU32::new(0),
        };
        Some(Self {
            source,
            goods,
            copy: Arc::new(copy),
            server,
            given_out: AtomicI64::new(0),
        })
    }

    fn config(&self) -> NatsConfig {
        let timings = NatsTimings {
            first_wait: Duration::from_secs(5),
            publish: Duration::from_secs(2),
            ack_wait: Duration::from_secs(1),
            lease: Duration::from_secs(1),
            poll: Duration::from_secs(2),
            longest_pause: Duration::from_millis(200),
        };
        NatsConfig {
            timings,
            ..NatsConfig::new(self.server.url())
        }
    }

    /// A process' place on the bus.
    async fn bus(&self) -> Arc<NatsBus> {
        let bus = NatsBus::connect(self.config(), "test", Arc::new(SystemClock)).await;
        Arc::new(bus.unwrap())
    }

    async fn subscribe(&self, bus: &NatsBus, handler: Arc<dyn Handler>) {
        let letters = self.copy.shelf.database.dead_letters();
        let topics = Topics::new(["shelf.taken"]);
        bus.subscribe_durable("copy.take", topics, handler, letters)
            .await
            .unwrap();
    }

    fn relay(&self, outbox: Arc<dyn Outbox>, bus: Arc<NatsBus>) -> DropGuard {
        let stop = CancellationToken::new();
        let wake = self.source.database.wake();
        tokio::spawn(Relay::new("shelf", outbox, bus, Arc::new(SystemClock), wake).run(stop.clone()));
        stop.drop_guard()
    }

    async fn give_out(&self, count: i64) {
        for _ in 0..count {
            self.source
                .store
                .take(self.goods, 1, self.source.event())
                .await
                .unwrap();
        }
        self.given_out.fetch_add(count, Ordering::SeqCst);
    }

    /// How many events have had their effect. A connection that a consumer made which died since is of no use, and there are
    /// no more of those than the pool holds.
    async fn effects(&self) -> i64 {
        let mut tries = 0;
        loop {
            match self.copy.shelf.store.find(self.copy.goods).await {
                Ok(goods) => return FULL - goods.unwrap().on_hand,
                Err(error) => {
                    tries += 1;
                    assert!(tries < 100, "the copy cannot be read: {error:?}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    async fn has_had(&self, effects: i64) {
        let give_up = Instant::now() + Duration::from_mins(1);
        while self.effects().await < effects {
            assert!(Instant::now() < give_up, "the events did not come in time");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Everything has arrived, once: both shelves have given out as much. What comes again comes before what is new, so a
    /// last event tells that nothing is left to come.
    async fn is_even(&self) {
        self.has_had(self.given_out.load(Ordering::SeqCst)).await;
        let outbox = self.source.database.outbox();
        while outbox.backlog(1).await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.give_out(1).await;
        let given_out = self.given_out.load(Ordering::SeqCst);
        self.has_had(given_out).await;
        assert_eq!(self.effects().await, given_out);
        let letters = self.copy.shelf.database.dead_letters();
        assert!(letters.list("copy.take", None, 1).await.unwrap().is_empty());
    }
}

async fn while_the_server_is_killed_again_and_again(mut scene: Scene) {
    let (publishing, subscribing) = (scene.bus().await, scene.bus().await);
    scene.subscribe(&subscribing, scene.copy.clone()).await;
    let _relay = scene.relay(scene.source.database.outbox(), publishing);
    for _ in 0..5 {
        scene.give_out(40).await;
        scene.server.kill().await;
        // With the server away the shelf gives out as before.
        scene.give_out(40).await;
        scene.server.begin().await;
        scene.give_out(40).await;
    }
    scene.is_even().await;
}

/// Has its effect, and answers when the server does not listen any more, so that it cannot be acknowledged.
struct Unacknowledged {
    copy: Arc<Copy>,
    server: Arc<Mutex<NatsServer>>,
    stops: AtomicU32,
}

#[async_trait]
impl Handler for Unacknowledged {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        self.copy.handle(event).await?;
        let calls = self.copy.calls.load(Ordering::SeqCst);
        if calls.is_multiple_of(30) && self.stops.load(Ordering::SeqCst) < 3 {
            self.server.lock().await.signal("STOP").await;
            self.stops.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }
}

async fn when_acknowledgements_are_lost_and_events_come_again(scene: Scene) {
    let (publishing, subscribing) = (scene.bus().await, scene.bus().await);
    let server = NatsServer::stopped(&[]).unwrap();
    let mut scene = scene;
    let server = Arc::new(Mutex::new(std::mem::replace(&mut scene.server, server)));
    let handler = Arc::new(Unacknowledged {
        copy: scene.copy.clone(),
        server: server.clone(),
        stops: AtomicU32::new(0),
    });
    scene.subscribe(&subscribing, handler.clone()).await;
    let _relay = scene.relay(scene.source.database.outbox(), publishing);
    for stops in 1..=3 {
        while handler.stops.load(Ordering::SeqCst) < stops {
            scene.give_out(5).await;
        }
        // Until the acknowledgements are on their way to a server that will never read them. A client that has seen the server go
        // would keep them until it is back.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut server = server.lock().await;
        server.kill().await;
        server.begin().await;
    }
    scene.is_even().await;
    let again = i64::from(scene.copy.calls.load(Ordering::SeqCst)) - scene.given_out.load(Ordering::SeqCst);
    assert!(again >= 3, "events came again {again} times");
}

/// An outbox whose relay dies between publishing and marking, now and then.
struct Forgetful {
    outbox: Arc<dyn Outbox>,
    calls: AtomicU32,
}

#[async_trait]
impl Outbox for Forgetful {
    async fn pending(&self, limit: u32) -> Result<Vec<Pending>, StorageError> {
        self.outbox.pending(limit).await
    }
    async fn mark_published(&self, seqs: &[i64], at: Timestamp) -> Result<(), StorageError> {
        if self.calls.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            return Err(StorageError::new("died"));
        }
        self.outbox.mark_published(seqs, at).await
    }
    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        self.outbox.purge(before, limit).await
    }
    async fn backlog(&self, at_most: u32) -> Result<u64, StorageError> {
        self.outbox.backlog(at_most).await
    }
}

async fn when_a_relay_forgets_what_it_published(scene: Scene) {
    let (publishing, subscribing) = (scene.bus().await, scene.bus().await);
    scene.subscribe(&subscribing, scene.copy.clone()).await;
    let forgetful = Forgetful {
        outbox: scene.source.database.outbox(),
        calls: AtomicU32::new(0),
    };
    let _relay = scene.relay(Arc::new(forgetful), publishing);
    // Two replicas have a relay each.
    let _other = scene.relay(scene.source.database.outbox(), scene.bus().await);
    for _ in 0..10 {
        scene.give_out(20).await;
    }
    scene.is_even().await;

    // Long after, when the server does not know them any more either: they come in under no id.
    let client = async_nats::connect(scene.server.url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let stream = jetstream.get_stream("stoa").await.unwrap();
    let calls = scene.copy.calls.load(Ordering::SeqCst);
    for sequence in 1..=50 {
        let message = stream.get_raw_message(sequence).await.unwrap();
        let published = jetstream.publish(message.subject, message.payload).await.unwrap();
        published.await.unwrap();
    }
    scene.is_even().await;
    assert!(scene.copy.calls.load(Ordering::SeqCst) >= calls + 51);
}

async fn when_consumers_die_in_the_middle_of_their_work(scene: Scene) {
    let _relay = scene.relay(scene.source.database.outbox(), scene.bus().await);
    let mut had = 0;
    for _ in 0..4 {
        // A process of its own, which says no goodbye.
        let doomed = tokio::runtime::Runtime::new().unwrap();
        let (letters, copy) = (scene.copy.shelf.database.dead_letters(), scene.copy.clone());
        let connecting = NatsBus::connect(scene.config(), "doomed", Arc::new(SystemClock));
        doomed.spawn(async move {
            let bus = connecting.await.unwrap();
            let topics = Topics::new(["shelf.taken"]);
            bus.subscribe_durable("copy.take", topics, copy, letters).await.unwrap();
            std::future::pending::<()>().await;
        });
        scene.give_out(60).await;
        had += 30;
        scene.has_had(had).await;
        doomed.shutdown_background();
    }
    let bus = scene.bus().await;
    scene.subscribe(&bus, scene.copy.clone()).await;
    scene.is_even().await;
}
