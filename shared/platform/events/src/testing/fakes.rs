//! Subscribers that remember and an outbox in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use platform_clock::{Clock, ManualClock};
use tokio::sync::watch;
use uuid::Uuid;
use values::Timestamp;

use crate::{Event, Handler, HandlerError, Outbox, Pending, StorageError};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// An event of a kind about a subject.
#[expect(
    clippy::needless_pass_by_value,
    reason = "so that a test can write a number or a name"
)]
pub fn event(kind: &str, subject: impl ToString) -> Event {
    static IDS: AtomicI64 = AtomicI64::new(1);
    let clock = ManualClock::default();
    let serial = u128::from(IDS.fetch_add(1, Ordering::SeqCst).cast_unsigned());
    let id = Uuid::from_u128(clock.new_id().as_u128() & !0xFFFF_FFFF_FFFF | serial);
    Event::new(id, kind, "/test", &subject.to_string(), clock.now(), &()).expect("nothing is JSON")
}

/// What a [`Recorder`] does with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Takes it.
    Take,
    /// Cannot take it now.
    Retry,
    /// Can never take it.
    Poison,
    /// Panics.
    Panic,
    /// Never answers.
    Hang,
}

type Behave = dyn Fn(&Event, u32) -> Behaviour + Send + Sync;

/// A subscriber that remembers the subjects it took and how often it was called.
pub struct Recorder {
    taken: watch::Sender<Vec<String>>,
    calls: watch::Sender<u32>,
    behave: Box<Behave>,
}

impl Recorder {
    /// One that takes everything.
    pub fn taking() -> std::sync::Arc<Self> {
        Self::behaving(|_, _| Behaviour::Take)
    }

    /// One that does what a function of the event and the number of this call (from 1) says.
    pub fn behaving(behave: impl Fn(&Event, u32) -> Behaviour + Send + Sync + 'static) -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self {
            taken: watch::Sender::default(),
            calls: watch::Sender::default(),
            behave: Box::new(behave),
        })
    }

    /// The subjects taken so far.
    pub fn taken(&self) -> Vec<String> {
        self.taken.borrow().clone()
    }

    /// How often it was called.
    pub fn calls(&self) -> u32 {
        *self.calls.borrow()
    }

    /// Waits until so many were taken, and answers their subjects.
    pub async fn has_taken(&self, count: usize) -> Vec<String> {
        let mut taken = self.taken.subscribe();
        let enough = taken.wait_for(|taken| taken.len() >= count);
        let waited = tokio::time::timeout(PATIENCE, enough).await;
        waited
            .expect("the events came in time")
            .expect("the recorder lives")
            .clone()
    }

    /// Waits until it was called so often.
    pub async fn was_called(&self, times: u32) {
        let mut calls = self.calls.subscribe();
        let enough = calls.wait_for(|calls| *calls >= times);
        let waited = tokio::time::timeout(PATIENCE, enough).await;
        waited.expect("the calls came in time").expect("the recorder lives");
    }
}

#[async_trait]
impl Handler for Recorder {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        self.calls.send_modify(|calls| *calls += 1);
        match (self.behave)(event, self.calls()) {
            Behaviour::Take => {}
            Behaviour::Retry => return Err(HandlerError::retry("not now")),
            Behaviour::Poison => return Err(HandlerError::poison("never")),
            Behaviour::Panic => panic!("as the test wants it"),
            Behaviour::Hang => std::future::pending().await,
        }
        self.taken.send_modify(|taken| taken.push(event.subject.clone()));
        Ok(())
    }
}

/// An outbox in memory.
#[derive(Debug, Default)]
pub struct InMemoryOutbox {
    rows: Mutex<BTreeMap<i64, (Event, Option<Timestamp>)>>,
    changed: watch::Sender<()>,
}

impl InMemoryOutbox {
    /// Appends events, as a service would in a transaction.
    pub fn append(&self, events: impl IntoIterator<Item = Event>) {
        let mut rows = self.rows();
        for event in events {
            let seq = rows.last_key_value().map_or(1, |(seq, _)| seq + 1);
            rows.insert(seq, (event, None));
        }
    }

    /// How many rows there are, published or not.
    pub fn len(&self) -> usize {
        self.rows().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until every row is marked.
    pub async fn is_published(&self) {
        self.until(|rows| rows.values().all(|(_, published_at)| published_at.is_some()))
            .await;
    }

    /// Waits until every row was purged.
    pub async fn is_purged(&self) {
        self.until(BTreeMap::is_empty).await;
    }

    async fn until(&self, done: impl Fn(&BTreeMap<i64, (Event, Option<Timestamp>)>) -> bool) {
        let mut changed = self.changed.subscribe();
        while !done(&self.rows()) {
            changed.changed().await.expect("the outbox lives");
        }
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<i64, (Event, Option<Timestamp>)>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Outbox for InMemoryOutbox {
    async fn pending(&self, limit: u32) -> Result<Vec<Pending>, StorageError> {
        let rows = self.rows();
        let waiting = rows.iter().filter(|(_, (_, published_at))| published_at.is_none());
        let pending = waiting.map(|(&seq, (event, _))| Pending {
            seq,
            event: event.clone(),
        });
        Ok(pending.take(limit as usize).collect())
    }

    async fn mark_published(&self, seqs: &[i64], at: Timestamp) -> Result<(), StorageError> {
        for seq in seqs {
            if let Some((_, published_at)) = self.rows().get_mut(seq) {
                *published_at = Some(at);
            }
        }
        self.changed.send_replace(());
        Ok(())
    }

    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        let mut rows = self.rows();
        let old = rows
            .iter()
            .filter(|(_, (_, published_at))| published_at.is_some_and(|at| at < before));
        let old: Vec<i64> = old.map(|(&seq, _)| seq).take(limit as usize).collect();
        rows.retain(|seq, _| !old.contains(seq));
        drop(rows);
        self.changed.send_replace(());
        Ok(old.len() as u64)
    }

    async fn backlog(&self, at_most: u32) -> Result<u64, StorageError> {
        Ok(self.pending(at_most).await?.len() as u64)
    }
}
