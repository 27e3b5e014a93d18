//! The server goes away and comes back.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use platform_events::testing::{Recorder, event};
use platform_events::{Bus, BusError, NatsBus};
use platform_testing::NatsServer;
use tokio::time::Instant;

use super::{Publishing, config, connect, connect_with, durable, numbered, subjects, things};

/// In the order in which they came first. A server that is killed forgets acknowledgements of its last moments, so that some
/// events come again; an inbox is there for that.
fn first_times(taken: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    taken
        .into_iter()
        .filter(|subject| seen.insert(subject.clone()))
        .collect()
}

/// Waits until a subscriber has taken an event.
async fn has_come_to(recorder: &Recorder, last: u32) -> Vec<String> {
    let last = last.to_string();
    let mut count = 1;
    loop {
        let taken = recorder.has_taken(count).await;
        if taken.contains(&last) {
            return first_times(taken);
        }
        count = taken.len() + 1;
    }
}

/// Waits until the bus says that it is there, or away.
async fn until(bus: &NatsBus, there: bool) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while bus.ping().await.is_ok() != there {
        assert!(Instant::now() < give_up, "the bus has not noticed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn with_the_server_away_publish_fails_at_once() {
    let Some(mut server) = NatsServer::start().await else {
        return;
    };
    let bus = connect(&server).await;
    bus.publish(&numbered(0..3)).await.unwrap();
    server.kill().await;
    let asked = Instant::now();
    let published = bus.publish(&numbered(3..6)).await;
    assert!(matches!(published, Err(BusError::Unavailable(_))));
    assert!(bus.ping().await.is_err());
    assert!(
        asked.elapsed() < Duration::from_secs(1),
        "it took {:?}",
        asked.elapsed()
    );
}

#[tokio::test]
async fn a_server_that_does_not_answer_fails_publish_in_time_and_gets_every_event_once() {
    let Some(server) = NatsServer::start().await else {
        return;
    };
    let bus = connect(&server).await;
    let taking = Recorder::taking();
    durable(&bus, &taking).await;
    bus.publish(&numbered(0..1)).await.unwrap();
    server.signal("STOP").await;
    let (asked, events) = (Instant::now(), numbered(1..500));
    assert!(bus.publish(&events).await.is_err());
    assert!(
        asked.elapsed() < Duration::from_secs(4),
        "it took {:?}",
        asked.elapsed()
    );
    server.signal("CONT").await;

    // What was sent is there now, or is not; it comes again either way.
    until(&bus, true).await;
    let mut rest = &events[..];
    while !rest.is_empty() {
        rest = &rest[bus.publish(rest).await.unwrap_or(0)..];
    }
    bus.publish(&numbered(500..501)).await.unwrap();
    assert_eq!(taking.has_taken(501).await, subjects(0..501));
}

#[tokio::test]
async fn what_happens_meanwhile_waits_in_the_outbox_and_arrives_in_order() {
    let Some(mut server) = NatsServer::start().await else {
        return;
    };
    let bus = Arc::new(connect(&server).await);
    let (taking, hearing) = (Recorder::taking(), Recorder::taking());
    durable(&*bus, &taking).await;
    bus.subscribe_broadcast(things(), hearing.clone()).await.unwrap();
    let publishing = Publishing::over(bus);
    publishing.append(numbered(0..100));
    taking.has_taken(100).await;
    hearing.has_taken(100).await;

    server.kill().await;
    publishing.append(numbered(100..1_000));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((taking.taken().len(), hearing.taken().len()), (100, 100));
    server.begin().await;
    publishing.outbox.is_published().await;
    assert_eq!(has_come_to(&taking, 999).await, subjects(0..1_000));
    assert_eq!(has_come_to(&hearing, 999).await, subjects(0..1_000));
}

#[tokio::test]
async fn a_process_may_start_before_the_server() {
    let Some(mut server) = NatsServer::stopped(&[]) else {
        return;
    };
    let mut config = config(&server);
    config.timings.first_wait = Duration::from_millis(50);
    let bus = Arc::new(connect_with(config).await);
    let (taking, hearing) = (Recorder::taking(), Recorder::taking());
    durable(&*bus, &taking).await;
    bus.subscribe_broadcast(things(), hearing.clone()).await.unwrap();
    assert!(bus.ping().await.is_err());
    let publishing = Publishing::over(bus);
    publishing.append(numbered(0..3));

    server.begin().await;
    assert_eq!(taking.has_taken(3).await, subjects(0..3));
    // For a broadcast, "from now on" begins when the server is there.
    let mut number = 3;
    while hearing.taken().is_empty() {
        publishing.append(numbered(number..number + 1));
        number += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_server_that_lost_everything_is_made_use_of_again() {
    let Some(mut server) = NatsServer::start().await else {
        return;
    };
    let bus = Arc::new(connect(&server).await);
    let (taking, hearing) = (Recorder::taking(), Recorder::taking());
    durable(&*bus, &taking).await;
    bus.subscribe_broadcast(things(), hearing.clone()).await.unwrap();
    let publishing = Publishing::over(bus);
    publishing.append(numbered(0..100));
    taking.has_taken(100).await;
    hearing.has_taken(100).await;

    server.kill().await;
    std::fs::remove_dir_all(server.dir().join("data")).unwrap();
    server.begin().await;
    publishing.append(numbered(100..150));
    assert_eq!(taking.has_taken(150).await, subjects(0..150));
    assert_eq!(hearing.has_taken(150).await, subjects(0..150));
}

#[tokio::test]
async fn an_event_that_a_relay_publishes_again_arrives_once() {
    let Some(server) = NatsServer::start().await else {
        return;
    };
    let bus = connect(&server).await;
    let taking = Recorder::taking();
    durable(&bus, &taking).await;
    let events = numbered(0..10);
    assert_eq!(bus.publish(&events).await.unwrap(), 10);
    assert_eq!(bus.publish(&events).await.unwrap(), 10);
    bus.publish(&[event("thing.made.v1", 10)]).await.unwrap();
    assert_eq!(taking.has_taken(11).await, subjects(0..11));
}
