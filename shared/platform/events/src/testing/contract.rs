//! The suite, as functions of a bus. `bus_contract!` names them all.

use std::sync::Arc;

use crate::testing::{Behaviour, Recorder, event};
use crate::{Bus, BusError, DeadLetter, DeadLetters, Event, InMemoryDeadLetters, Topics};

fn numbered(count: u32) -> Vec<Event> {
    (0..count).map(|number| event("thing.made.v1", number)).collect()
}

fn subjects(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers.into_iter().map(|number| number.to_string()).collect()
}

async fn durable(bus: &dyn Bus, name: &str, handler: &Arc<Recorder>) -> Arc<InMemoryDeadLetters> {
    let letters = Arc::new(InMemoryDeadLetters::default());
    let (handler, kept) = (Arc::clone(handler), Arc::clone(&letters));
    bus.subscribe_durable(name, Topics::new(["thing.*"]), handler, kept)
        .await
        .expect("the name is free");
    letters
}

async fn all_letters(letters: &InMemoryDeadLetters, name: &str) -> Vec<DeadLetter> {
    letters.list(name, None, 100).await.expect("memory does not fail")
}

async fn publish_all(bus: &dyn Bus, events: &[Event]) {
    let published = bus.publish(events).await.expect("the bus is there");
    assert_eq!(published, events.len());
}

/// Topics by pattern and by name; nothing else.
pub async fn a_durable_subscriber_gets_its_topics_in_order(bus: Arc<dyn Bus>) {
    let (all, letters) = (Recorder::taking(), Arc::new(InMemoryDeadLetters::default()));
    let topics = Topics::new(["thing.*", "other.made"]);
    bus.subscribe_durable("t.all", topics, all.clone(), letters)
        .await
        .expect("the name is free");
    let events = [
        event("thing.made.v1", 0),
        event("other.lost.v1", 1),
        event("other.made.v1", 2),
        event("things.made.v1", 3),
        event("thing.lost.v2", 4),
    ];
    publish_all(&*bus, &events).await;
    publish_all(&*bus, &[event("thing.made.v1", 5)]).await;
    assert_eq!(all.has_taken(4).await, subjects([0, 2, 4, 5]));
}

/// Each has a place of its own.
pub async fn two_durable_subscribers_both_get_every_event(bus: Arc<dyn Bus>) {
    let (one, two) = (Recorder::taking(), Recorder::taking());
    durable(&*bus, "t.one", &one).await;
    durable(&*bus, "t.two", &two).await;
    publish_all(&*bus, &numbered(3)).await;
    assert_eq!(one.has_taken(3).await, subjects(0..3));
    assert_eq!(two.has_taken(3).await, subjects(0..3));
}

/// A handler that fails twice is called a third time, before the next event.
pub async fn an_event_that_fails_for_a_while_is_tried_again_and_overtaken_by_none(bus: Arc<dyn Bus>) {
    let flaky = Recorder::behaving(|_, call| if call <= 2 { Behaviour::Retry } else { Behaviour::Take });
    let letters = durable(&*bus, "t.flaky", &flaky).await;
    publish_all(&*bus, &numbered(3)).await;
    assert_eq!(flaky.has_taken(3).await, subjects(0..3));
    assert!(all_letters(&letters, "t.flaky").await.is_empty());
}

/// No second try for what can never work; order is kept around it.
pub async fn poison_becomes_a_dead_letter_at_once_and_the_next_event_follows(bus: Arc<dyn Bus>) {
    let picky = Recorder::behaving(|event, _| {
        if event.subject == "1" {
            Behaviour::Poison
        } else {
            Behaviour::Take
        }
    });
    let letters = durable(&*bus, "t.picky", &picky).await;
    let events = numbered(3);
    publish_all(&*bus, &events).await;
    assert_eq!(picky.has_taken(2).await, subjects([0, 2]));
    let letters = all_letters(&letters, "t.picky").await;
    assert_eq!(letters.len(), 1);
    assert_eq!((&letters[0].event, letters[0].attempts), (&events[1], 1));
    assert!(letters[0].reason.contains("never"), "{}", letters[0].reason);
}

/// Three tries, then the next one.
pub async fn an_event_that_always_fails_becomes_a_dead_letter_after_bounded_attempts(bus: Arc<dyn Bus>) {
    let failing = Recorder::behaving(|event, _| {
        if event.subject == "0" {
            Behaviour::Retry
        } else {
            Behaviour::Take
        }
    });
    let letters = durable(&*bus, "t.failing", &failing).await;
    publish_all(&*bus, &numbered(2)).await;
    assert_eq!(failing.has_taken(1).await, subjects([1]));
    let letters = all_letters(&letters, "t.failing").await;
    assert_eq!((letters.len(), letters[0].attempts), (1, 3));
    assert_eq!(letters[0].event.subject, "0");
}

/// It is tried again and takes nobody with it.
pub async fn a_panic_is_a_failure_like_another(bus: Arc<dyn Bus>) {
    let nervous = Recorder::behaving(|_, call| if call == 1 { Behaviour::Panic } else { Behaviour::Take });
    let calm = Recorder::taking();
    durable(&*bus, "t.nervous", &nervous).await;
    durable(&*bus, "t.calm", &calm).await;
    publish_all(&*bus, &numbered(2)).await;
    assert_eq!(nervous.has_taken(2).await, subjects(0..2));
    assert_eq!(calm.has_taken(2).await, subjects(0..2));
}

/// The other one has its event although `publish` has not come back.
pub async fn a_subscriber_that_is_stuck_holds_up_no_other(bus: Arc<dyn Bus>) {
    let (stuck, free) = (Recorder::behaving(|_, _| Behaviour::Hang), Recorder::taking());
    durable(&*bus, "t.stuck", &stuck).await;
    durable(&*bus, "t.free", &free).await;
    let publishing = tokio::spawn({
        let bus = Arc::clone(&bus);
        async move { bus.publish(&numbered(1)).await }
    });
    stuck.was_called(1).await;
    assert_eq!(free.has_taken(1).await, subjects(0..1));
    publishing.abort();
}

/// Far more events than any queue holds go past it.
pub async fn a_broadcast_subscriber_that_is_stuck_slows_no_publisher(bus: Arc<dyn Bus>) {
    let (stuck, counting) = (Recorder::behaving(|_, _| Behaviour::Hang), Recorder::taking());
    bus.subscribe_broadcast(Topics::new(["thing.*"]), stuck.clone())
        .await
        .expect("the bus is there");
    durable(&*bus, "t.counting", &counting).await;
    for events in numbered(10_000).chunks(500) {
        publish_all(&*bus, events).await;
    }
    assert_eq!(counting.has_taken(10_000).await.len(), 10_000);
    stuck.was_called(1).await;
    assert!(stuck.taken().is_empty());
}

/// Not what was published before.
pub async fn every_broadcast_subscriber_gets_what_comes_from_now_on(bus: Arc<dyn Bus>) {
    publish_all(&*bus, &[event("thing.made.v1", 0)]).await;
    let failing_once = Recorder::behaving(|_, call| if call == 1 { Behaviour::Panic } else { Behaviour::Take });
    let taking = Recorder::taking();
    for handler in [&failing_once, &taking] {
        let subscribed = bus
            .subscribe_broadcast(Topics::new(["thing.made"]), Arc::<Recorder>::clone(handler))
            .await;
        subscribed.expect("the bus is there");
    }
    let events = [
        event("thing.made.v1", 1),
        event("thing.lost.v1", 2),
        event("thing.made.v1", 3),
    ];
    publish_all(&*bus, &events).await;
    assert_eq!(taking.has_taken(2).await, subjects([1, 3]));
    // It lost the one on which it panicked, and went on.
    assert_eq!(failing_once.has_taken(1).await, subjects([3]));
}

/// However many there are.
pub async fn a_batch_is_published_whole(bus: Arc<dyn Bus>) {
    let taking = Recorder::taking();
    durable(&*bus, "t.taking", &taking).await;
    publish_all(&*bus, &[]).await;
    publish_all(&*bus, &numbered(1_000)).await;
    assert_eq!(taking.has_taken(1_000).await, subjects(0..1_000));
}

/// Two handlers under one name would share what each should have whole.
pub async fn the_name_of_a_durable_subscription_is_taken_once(bus: Arc<dyn Bus>) {
    let handler = Recorder::taking();
    durable(&*bus, "t.same", &handler).await;
    let letters = Arc::new(InMemoryDeadLetters::default());
    let again = bus
        .subscribe_durable("t.same", Topics::new(["thing.*"]), handler, letters)
        .await;
    assert!(matches!(again, Err(BusError::NameTaken(name)) if name == "t.same"));
}

/// A broker would bend it, and two could become one.
pub async fn a_name_that_is_not_of_service_and_purpose_is_refused(bus: Arc<dyn Bus>) {
    for bad in ["", "order", "order.", "order.In", "order.a-b", "order.*", "order. b"] {
        let letters = Arc::new(InMemoryDeadLetters::default());
        let subscribed = bus
            .subscribe_durable(bad, Topics::new(["thing.*"]), Recorder::taking(), letters)
            .await;
        assert!(
            matches!(subscribed, Err(BusError::BadName(name)) if name == bad),
            "{bad:?}"
        );
    }
}

/// And ends when it is told to.
pub async fn a_bus_that_works_says_so(bus: Arc<dyn Bus>) {
    durable(&*bus, "t.any", &Recorder::taking()).await;
    assert!(bus.ping().await.is_ok());
    bus.close().await;
}
