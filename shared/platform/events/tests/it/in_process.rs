//! The contract every bus keeps, and what the bus of one process promises beyond it.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use platform_clock::ManualClock;
use platform_events::testing::{Behaviour, Recorder, event};
use platform_events::{
    BatchError, Bus, DeadLetter, DeadLetters, Event, Handler, HandlerError, InMemoryDeadLetters, InProcessBus, Retries,
    StorageError, Topics, replay,
};
use uuid::Uuid;

fn quick() -> InProcessBus {
    let retries = Retries {
        attempts: 3,
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(2),
        timeout: Duration::from_secs(30),
    };
    InProcessBus::with_retries(Arc::new(ManualClock::default()), retries)
}

fn contracted() -> Ready<Option<InProcessBus>> {
    ready(Some(quick()))
}

platform_events::bus_contract!(contracted);

fn things() -> Topics {
    Topics::new(["thing.*"])
}

/// Letters whose store is away.
struct NoLetters;

#[async_trait]
impl DeadLetters for NoLetters {
    async fn put(&self, _: &DeadLetter) -> Result<(), StorageError> {
        Err(StorageError::new("away"))
    }
    async fn subscriptions(&self) -> Result<Vec<(String, u64)>, StorageError> {
        Err(StorageError::new("away"))
    }
    async fn list(&self, _: &str, _: Option<Uuid>, _: u32) -> Result<Vec<DeadLetter>, StorageError> {
        Err(StorageError::new("away"))
    }
    async fn get(&self, _: &str, _: Uuid) -> Result<Option<DeadLetter>, StorageError> {
        Err(StorageError::new("away"))
    }
    async fn remove(&self, _: &str, _: Uuid) -> Result<bool, StorageError> {
        Err(StorageError::new("away"))
    }
}

#[tokio::test]
async fn nothing_is_given_up_while_the_dead_letters_cannot_be_written() {
    let bus = quick();
    let failing = Recorder::behaving(|event, _| match event.subject.as_str() {
        "2" => Behaviour::Retry,
        _ => Behaviour::Take,
    });
    bus.subscribe_durable("t.failing", things(), failing.clone(), Arc::new(NoLetters))
        .await
        .unwrap();
    let events: Vec<Event> = (0..4).map(|number| event("thing.made.v1", number)).collect();
    assert_eq!(bus.publish(&events).await.unwrap(), 2);
    assert!(bus.publish(&events[2..]).await.is_err());
    assert_eq!(failing.taken(), ["0", "1"]);
}

#[tokio::test]
async fn publish_counts_what_every_durable_subscriber_has_committed() {
    let bus = quick();
    let (taking, failing) = (Recorder::taking(), Recorder::behaving(|_, _| Behaviour::Retry));
    bus.subscribe_durable("t.taking", things(), taking.clone(), Arc::new(NoLetters))
        .await
        .unwrap();
    let rare = Topics::new(["thing.lost"]);
    bus.subscribe_durable("t.failing", rare, failing, Arc::new(NoLetters))
        .await
        .unwrap();
    let events = [
        event("thing.made.v1", 0),
        event("thing.made.v1", 1),
        event("thing.lost.v1", 2),
        event("thing.made.v1", 3),
    ];
    assert_eq!(bus.publish(&events).await.unwrap(), 2);
    assert_eq!(taking.taken(), ["0", "1", "2", "3"]);
}

/// Takes batches, all or nothing, and refuses one that holds a certain event.
#[derive(Default)]
struct Projection {
    batches: AtomicUsize,
    taken: AtomicUsize,
}

#[async_trait]
impl Handler for Projection {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        if event.subject == "bad" {
            return Err(HandlerError::poison("bad"));
        }
        self.taken.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn handle_batch(&self, events: &[Event]) -> Result<(), BatchError> {
        self.batches.fetch_add(1, Ordering::SeqCst);
        if events.iter().any(|event| event.subject == "bad") {
            let error = HandlerError::poison("one of them is bad");
            return Err(BatchError { handled: 0, error });
        }
        self.taken.fetch_add(events.len(), Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test]
async fn a_batch_is_one_call_and_a_refused_one_is_handed_over_one_by_one() {
    let bus = quick();
    let (projection, letters) = (
        Arc::new(Projection::default()),
        Arc::new(InMemoryDeadLetters::default()),
    );
    bus.subscribe_durable("t.projection", things(), projection.clone(), letters.clone())
        .await
        .unwrap();
    let mut events: Vec<Event> = (0..200).map(|number| event("thing.made.v1", number)).collect();
    assert_eq!(bus.publish(&events).await.unwrap(), 200);
    assert_eq!(projection.batches.load(Ordering::SeqCst), 1);

    events[50] = event("thing.made.v1", "bad");
    assert_eq!(bus.publish(&events).await.unwrap(), 200);
    assert_eq!(projection.batches.load(Ordering::SeqCst), 2);
    assert_eq!(projection.taken.load(Ordering::SeqCst), 399);
    assert_eq!(letters.list("t.projection", None, 10).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_never_answers_is_given_up_after_its_time() {
    let bus = quick();
    let (stuck, letters) = (
        Recorder::behaving(|_, _| Behaviour::Hang),
        Arc::new(InMemoryDeadLetters::default()),
    );
    bus.subscribe_durable("t.stuck", things(), stuck.clone(), letters.clone())
        .await
        .unwrap();
    assert_eq!(bus.publish(&[event("thing.made.v1", 0)]).await.unwrap(), 1);
    assert_eq!(letters.list("t.stuck", None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_dead_letter_is_replayed_and_then_gone() {
    let bus = quick();
    let letters = Arc::new(InMemoryDeadLetters::default());
    let poisoned = Recorder::behaving(|_, _| Behaviour::Poison);
    bus.subscribe_durable("t.poisoned", things(), poisoned.clone(), letters.clone())
        .await
        .unwrap();
    let event = event("thing.made.v1", 0);
    bus.publish(std::slice::from_ref(&event)).await.unwrap();

    assert!(replay(&*letters, "t.poisoned", event.id, &*poisoned).await.is_err());
    let mended = Recorder::taking();
    assert!(replay(&*letters, "t.poisoned", event.id, &*mended).await.unwrap());
    assert_eq!(mended.taken(), ["0"]);
    assert!(!replay(&*letters, "t.poisoned", event.id, &*mended).await.unwrap());
}
