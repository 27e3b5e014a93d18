//! Several processes serve one durable subscription.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use async_trait::async_trait;
use platform_events::testing::{Behaviour, Recorder};
use platform_events::{Bus, Event, Handler, HandlerError, InMemoryDeadLetters};
use platform_testing::NatsServer;
use tokio::time::Instant;

use super::{config, connect, connect_with, durable, numbered, subjects, things};

#[tokio::test]
async fn of_two_replicas_one_at_a_time_takes_events_so_that_they_stay_in_order() {
    let Some(server) = NatsServer::start().await else {
        return;
    };
    let (one, two) = (connect(&server).await, connect(&server).await);
    let taking = Recorder::taking();
    // So slow that two at a time would overtake each other.
    let slow = Arc::new(Slow(taking.clone(), Duration::from_millis(2)));
    for bus in [&one, &two] {
        let letters = Arc::new(InMemoryDeadLetters::default());
        bus.subscribe_durable("t.slow", things(), slow.clone(), letters)
            .await
            .unwrap();
    }
    for events in numbered(0..1_000).chunks(7) {
        one.publish(events).await.unwrap();
    }
    assert_eq!(taking.has_taken(1_000).await, subjects(0..1_000));
}

#[tokio::test]
async fn a_replica_that_ends_leaves_its_place_to_the_next_at_once() {
    let Some(server) = NatsServer::start().await else {
        return;
    };
    let mut config = config(&server);
    config.timings.lease = Duration::from_mins(1);
    let (one, two) = (connect_with(config.clone()).await, connect_with(config).await);
    let (first, second) = (Recorder::taking(), Recorder::taking());
    durable(&one, &first).await;
    two.publish(&numbered(0..10)).await.unwrap();
    first.has_taken(10).await;
    durable(&two, &second).await;
    one.close().await;
    let closed = Instant::now();
    two.publish(&numbered(10..20)).await.unwrap();
    assert_eq!(second.has_taken(10).await, subjects(10..20));
    assert!(
        closed.elapsed() < Duration::from_secs(8),
        "it took {:?}",
        closed.elapsed()
    );
}

#[tokio::test]
async fn what_a_replica_had_when_it_died_comes_first_at_its_successor() {
    let Some(server) = NatsServer::start().await else {
        return;
    };
    let stuck = Recorder::behaving(|event, _| match event.subject.as_str() {
        "5" => Behaviour::Hang,
        _ => Behaviour::Take,
    });
    // A process of its own, as far as the server can tell; it says no goodbye.
    let doomed = tokio::runtime::Runtime::new().unwrap();
    let (begun, wait) = mpsc::channel();
    // The server waits for longer than the lease lasts.
    let mut config = config(&server);
    config.timings.ack_wait = Duration::from_secs(3);
    let (reaching, holding) = (config.clone(), stuck.clone());
    doomed.spawn(async move {
        let bus = connect_with(reaching).await;
        durable(&bus, &holding).await;
        begun.send(()).unwrap();
        std::future::pending::<()>().await;
        drop(bus);
    });
    tokio::task::spawn_blocking(move || wait.recv().unwrap()).await.unwrap();

    let bus = connect_with(config).await;
    bus.publish(&numbered(0..10)).await.unwrap();
    stuck.was_called(6).await;
    let taking = Recorder::taking();
    durable(&bus, &taking).await;
    doomed.shutdown_background();
    bus.publish(&numbered(10..30)).await.unwrap();
    let taken = taking.has_taken(30).await;
    assert_eq!(taken, subjects(0..30));
}

/// Takes its time.
struct Slow(Arc<Recorder>, Duration);

#[async_trait]
impl Handler for Slow {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        tokio::time::sleep(self.1).await;
        self.0.handle(event).await
    }
}

#[tokio::test]
async fn a_handler_that_takes_longer_than_the_server_waits_is_called_once() {
    let Some(server) = NatsServer::start().await else {
        return;
    };
    let bus = connect(&server).await;
    let taking = Recorder::taking();
    let slow = Arc::new(Slow(taking.clone(), Duration::from_millis(1_500)));
    let letters = Arc::new(InMemoryDeadLetters::default());
    bus.subscribe_durable("t.slow", things(), slow, letters).await.unwrap();
    bus.publish(&numbered(0..3)).await.unwrap();
    assert_eq!(taking.has_taken(3).await, subjects(0..3));
    assert_eq!(taking.calls(), 3);
}
