//! Events that a subscriber could not take, kept to be looked at and replayed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use uuid::Uuid;
use values::Timestamp;

use crate::{Event, Handler, HandlerError, StorageError};

/// An event that a durable subscription gave up on.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// The durable subscription.
    pub subscription: String,
    /// What it could not take.
    pub event: Event,
    /// The last error, for an operator.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was given up.
    pub at: Timestamp,
}

/// A service's dead letters, one a subscription and event.
#[async_trait]
pub trait DeadLetters: Send + Sync + 'static {
    /// Keeps a letter; one of the same subscription and event is replaced.
    async fn put(&self, letter: &DeadLetter) -> Result<(), StorageError>;

    /// The subscriptions that have letters, and how many, by name.
    async fn subscriptions(&self) -> Result<Vec<(String, u64)>, StorageError>;

    /// Up to `limit` letters, oldest event first, after the event id given.
    async fn list(&self, subscription: &str, after: Option<Uuid>, limit: u32) -> Result<Vec<DeadLetter>, StorageError>;

    /// One letter.
    async fn get(&self, subscription: &str, event_id: Uuid) -> Result<Option<DeadLetter>, StorageError>;

    /// Removes a letter; answers whether it was there.
    async fn remove(&self, subscription: &str, event_id: Uuid) -> Result<bool, StorageError>;
}

/// Why a letter was not replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The handler refused it again; the letter stays.
    #[error(transparent)]
    Handler(#[from] HandlerError),
    /// The letters could not be read or removed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Gives a letter to its handler once more and removes it when that went well. Answers whether there was one.
pub async fn replay(
    letters: &dyn DeadLetters,
    subscription: &str,
    event_id: Uuid,
    handler: &dyn Handler,
) -> Result<bool, ReplayError> {
    let Some(letter) = letters.get(subscription, event_id).await? else {
        return Ok(false);
    };
    handler.handle(&letter.event).await?;
    letters.remove(subscription, event_id).await?;
    Ok(true)
}

/// Dead letters in memory, for subscriptions whose effect is in memory too, and for tests. Keeps the newest 1,000.
#[derive(Debug, Default)]
pub struct InMemoryDeadLetters(Mutex<BTreeMap<(String, Uuid), DeadLetter>>);

const KEPT_IN_MEMORY: usize = 1_000;

impl InMemoryDeadLetters {
    fn letters(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, Uuid), DeadLetter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl DeadLetters for InMemoryDeadLetters {
    async fn put(&self, letter: &DeadLetter) -> Result<(), StorageError> {
        let mut letters = self.letters();
        letters.insert((letter.subscription.clone(), letter.event.id), letter.clone());
        if letters.len() > KEPT_IN_MEMORY {
            let oldest = letters
                .iter()
                .min_by_key(|(_, letter)| letter.at)
                .map(|(key, _)| key.clone());
            oldest.and_then(|key| letters.remove(&key));
        }
        Ok(())
    }

    async fn subscriptions(&self) -> Result<Vec<(String, u64)>, StorageError> {
        let mut counts = BTreeMap::new();
        for (subscription, _) in self.letters().keys() {
            *counts.entry(subscription.clone()).or_default() += 1;
        }
        Ok(counts.into_iter().collect())
    }

    async fn list(&self, subscription: &str, after: Option<Uuid>, limit: u32) -> Result<Vec<DeadLetter>, StorageError> {
        let letters = self.letters();
        let of_subscription = letters.values().filter(|letter| letter.subscription == subscription);
        let later = of_subscription.filter(|letter| after.is_none_or(|after| letter.event.id > after));
        Ok(later.take(limit as usize).cloned().collect())
    }

    async fn get(&self, subscription: &str, event_id: Uuid) -> Result<Option<DeadLetter>, StorageError> {
        Ok(self.letters().get(&(subscription.to_owned(), event_id)).cloned())
    }

    async fn remove(&self, subscription: &str, event_id: Uuid) -> Result<bool, StorageError> {
        Ok(self.letters().remove(&(subscription.to_owned(), event_id)).is_some())
    }
}
