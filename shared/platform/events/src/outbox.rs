//! Where events wait until a bus has them.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Notify;
use values::Timestamp;

use crate::Event;

/// The store behind an outbox or dead letters failed; worth another try.
#[derive(Debug, thiserror::Error)]
#[error("the events' store failed")]
pub struct StorageError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl StorageError {
    /// Of the store's own error.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// A row of an outbox that is not published.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// Its place; rises with time, with gaps.
    pub seq: i64,
    /// What to publish.
    pub event: Event,
}

/// The read side of an outbox; a [`Relay`](crate::Relay) alone uses it.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// The first rows that are not published, in order of `seq`.
    async fn pending(&self, limit: u32) -> Result<Vec<Pending>, StorageError>;

    /// Marks rows as published.
    async fn mark_published(&self, seqs: &[i64], at: Timestamp) -> Result<(), StorageError>;

    /// Deletes at most `limit` rows that were published before a moment; answers how many.
    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError>;

    /// How many rows are not published, counted no further than `at_most`.
    async fn backlog(&self, at_most: u32) -> Result<u64, StorageError>;
}

/// Tells a relay that something was committed. Cheap to clone and to call; calls in a row count as one.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// There is something to publish.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Until somebody called [`Wake::wake`], at once if that was since the last wait.
    pub async fn woken(&self) {
        self.0.notified().await;
    }
}
