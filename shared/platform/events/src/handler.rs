//! What a subscriber does with an event.

use async_trait::async_trait;

use crate::Event;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why an event was not handled.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// It may work later: the handler's own database or neighbour is away.
    #[error("the handler cannot take the event now")]
    Retry(#[source] BoxError),
    /// It will never work: the event goes to the dead letters at once. The reason must not hold personal data.
    #[error("the handler can never take the event: {0}")]
    Poison(String),
}

impl HandlerError {
    /// [`HandlerError::Retry`] of any error.
    pub fn retry(source: impl Into<BoxError>) -> Self {
        Self::Retry(source.into())
    }

    /// [`HandlerError::Poison`] of anything that can be shown.
    pub fn poison(reason: &(impl std::fmt::Display + ?Sized)) -> Self {
        Self::Poison(reason.to_string())
    }
}

/// How far a batch got.
#[derive(Debug, thiserror::Error)]
#[error("the batch stopped after {handled} events")]
pub struct BatchError {
    /// How many events from the front are committed.
    pub handled: usize,
    /// Why the next one is not. With `handled` 0 and a batch that is all or nothing it may be any of them: the bus
    /// then hands the rest over one by one.
    #[source]
    pub error: HandlerError,
}

/// A subscriber's work. Must bear the same event twice, and returns when its effect is committed.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Handles one event.
    async fn handle(&self, event: &Event) -> Result<(), HandlerError>;

    /// Handles events in order, stopping at the first that fails. Override it where one transaction can take them all.
    async fn handle_batch(&self, events: &[Event]) -> Result<(), BatchError> {
        for (handled, event) in events.iter().enumerate() {
            self.handle(event)
                .await
                .map_err(|error| BatchError { handled, error })?;
        }
        Ok(())
    }
}
