//! The way from an outbox to a bus. Time is paused, so that pauses cost nothing and end in a known order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use platform_clock::ManualClock;
use platform_events::testing::{InMemoryOutbox, Recorder, event};
use platform_events::{
    Bus, BusError, DeadLetters, Event, Handler, InMemoryDeadLetters, InProcessBus, Relay, Topics, Wake,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A bus that can be away, and takes at most so many at once.
struct Moody {
    bus: InProcessBus,
    away: AtomicBool,
    at_most: usize,
    tries: AtomicU32,
}

#[async_trait]
impl Bus for Moody {
    async fn publish(&self, events: &[Event]) -> Result<usize, BusError> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return Err(BusError::Unavailable("away".into()));
        }
        self.bus.publish(&events[..events.len().min(self.at_most)]).await
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
}

struct Fixture {
    outbox: Arc<InMemoryOutbox>,
    bus: Arc<Moody>,
    taken: Arc<Recorder>,
    clock: Arc<ManualClock>,
    wake: Wake,
    stop: CancellationToken,
    relay: JoinHandle<()>,
}

impl Fixture {
    async fn start(away: bool, at_most: usize, waiting: u32) -> Self {
        let clock = Arc::new(ManualClock::default());
        let bus = Arc::new(Moody {
            bus: InProcessBus::new(clock.clone()),
            away: AtomicBool::new(away),
            at_most,
            tries: AtomicU32::new(0),
        });
        let taken = Recorder::taking();
        let letters = Arc::new(InMemoryDeadLetters::default());
        bus.subscribe_durable("t.taken", Topics::new(["thing.*"]), taken.clone(), letters)
            .await
            .unwrap();
        let outbox = Arc::new(InMemoryOutbox::default());
        outbox.append((0..waiting).map(|number| event("thing.made.v1", number)));
        let (wake, stop) = (Wake::default(), CancellationToken::new());
        let relay = Relay::new("thing", outbox.clone(), bus.clone(), clock.clone(), wake.clone());
        let relay = tokio::spawn(relay.run(stop.clone()));
        Self {
            outbox,
            bus,
            taken,
            clock,
            wake,
            stop,
            relay,
        }
    }
}

fn numbers(count: u32) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_waited_before_the_start_is_published_in_order_and_marked() {
    let fixture = Fixture::start(false, usize::MAX, 1_000).await;
    fixture.outbox.is_published().await;
    assert_eq!(fixture.taken.taken(), numbers(1_000));
}

#[tokio::test(start_paused = true)]
async fn a_commit_wakes_the_relay_at_once() {
    let fixture = Fixture::start(false, usize::MAX, 0).await;
    // Let it find nothing and fall asleep.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let asleep = tokio::time::Instant::now();
    fixture.outbox.append([event("thing.made.v1", 0)]);
    fixture.wake.wake();
    fixture.outbox.is_published().await;
    assert!(asleep.elapsed() < Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn without_being_woken_it_looks_once_a_second() {
    let fixture = Fixture::start(false, usize::MAX, 0).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let asleep = tokio::time::Instant::now();
    fixture.outbox.append([event("thing.made.v1", 0)]);
    fixture.outbox.is_published().await;
    assert!(asleep.elapsed() <= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_away_is_asked_ever_more_rarely_and_gets_everything_when_it_is_back() {
    let fixture = Fixture::start(true, usize::MAX, 5).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let tries = fixture.bus.tries.load(Ordering::SeqCst);
    assert!((12..=30).contains(&tries), "{tries} tries in a minute");
    fixture.bus.away.store(false, Ordering::SeqCst);
    fixture.outbox.is_published().await;
    assert_eq!(fixture.taken.taken(), numbers(5));
}

#[tokio::test(start_paused = true)]
async fn what_a_bus_took_a_part_of_is_marked_as_far_and_the_rest_comes_again() {
    let fixture = Fixture::start(false, 2, 5).await;
    fixture.outbox.is_published().await;
    assert_eq!(fixture.taken.taken(), numbers(5));
    assert_eq!(fixture.bus.tries.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_it_drains_what_is_there() {
    let fixture = Fixture::start(false, usize::MAX, 0).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    fixture
        .outbox
        .append((0..1_000).map(|number| event("thing.made.v1", number)));
    fixture.stop.cancel();
    fixture.relay.await.unwrap();
    assert_eq!(fixture.taken.taken(), numbers(1_000));
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_while_the_bus_is_away_it_stops() {
    let fixture = Fixture::start(true, usize::MAX, 5).await;
    fixture.stop.cancel();
    fixture.relay.await.unwrap();
    assert!(fixture.taken.taken().is_empty());
}

#[tokio::test(start_paused = true)]
async fn published_rows_are_kept_for_a_week_and_then_purged() {
    let fixture = Fixture::start(false, usize::MAX, 1_200).await;
    fixture.outbox.is_published().await;
    tokio::time::sleep(Duration::from_mins(30)).await;
    assert_eq!(fixture.outbox.len(), 1_200);
    fixture.clock.advance(Duration::from_hours(7 * 24 + 1));
    fixture.outbox.is_purged().await;
}
