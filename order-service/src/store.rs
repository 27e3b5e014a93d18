//! What is kept of orders, whatever keeps it.
//!
//! One method is one unit of work. The two adapters share their SQL (`store/shared`); what is one engine's alone stands in
//! its own file.

pub mod postgres;
pub mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use order_api::{OrderRecord, OrderStatus};
use platform_sql::idempotency::IdempotencyKey;
use values::{OrderId, Timestamp, UserId};

use crate::order::{Change, NewOrder, StoredOrder};

/// Orders, kept for ever.
#[async_trait]
pub trait OrderStore: Send + Sync + 'static {
    /// Writes an order and its lines, unless its owner used the key before.
    async fn insert(&self, new: Arc<NewOrder>) -> Result<Inserted, StoreError>;

    /// One order; with an owner only if it is theirs.
    async fn find(&self, id: OrderId, owner: Option<UserId>) -> Result<Option<StoredOrder>, StoreError>;

    /// A transition with its event, if the order has the version before it. `false`: somebody else was first.
    async fn change(&self, change: Change) -> Result<bool, StoreError>;

    /// Notes an answer that was none, and when to ask again. Does nothing if the order has changed.
    async fn postpone(&self, pause: Postponed) -> Result<(), StoreError>;

    /// Takes open orders whose time has come, for as long as the lease lasts.
    async fn lease_due(&self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<StoredOrder>, StoreError>;

    /// Makes all open orders due. Only where no other process has any of them.
    async fn make_open_due(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// Makes those open orders due that wait because somebody did not answer. One that is being driven after it waited is
    /// among them: it is driven twice then, which changes nothing.
    async fn make_postponed_due(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// Whether no other process works on this store.
    fn is_exclusive(&self) -> bool;

    /// Orders, newest first.
    async fn list(&self, query: &ListOrders) -> Result<Vec<StoredOrder>, StoreError>;

    /// How many orders a list has in all.
    async fn count(&self, owner: Option<UserId>, status: Option<OrderStatus>) -> Result<u64, StoreError>;

    /// Notes what a key was used for, unless it is known. The answer is not kept: it is rendered from the order.
    async fn claim_key(&self, key: IdempotencyKey, now: Timestamp) -> Result<Claim, StoreError>;

    /// Whether the database answers and its schema is as new as this code needs.
    async fn check(&self) -> Result<(), StoreError>;

    /// Orders after an id in the order of their ids, as reconciling sees them.
    async fn records_after(&self, after: Option<OrderId>, limit: u32) -> Result<Vec<OrderRecord>, StoreError>;

    /// Those of the orders that exist, as reconciling sees them.
    async fn records_of(&self, ids: &[OrderId]) -> Result<Vec<OrderRecord>, StoreError>;
}

/// What came of an insert.
#[derive(Debug, Clone, PartialEq)]
pub enum Inserted {
    /// It is there, under this number.
    New {
        /// The order's number.
        number: i64,
    },
    /// The owner used the key before, for this order.
    Known(Box<StoredOrder>),
}

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Nothing until now.
    Fresh,
    /// It was used for the same.
    Replayed,
    /// It was used for something else.
    Reused,
}

/// A pause after an unknown answer.
#[derive(Debug, Clone)]
pub struct Postponed {
    /// Which order.
    pub id: OrderId,
    /// The version that was asked for.
    pub version: i64,
    /// Unknown answers in a row.
    pub attempts: u32,
    /// When to ask again.
    pub next_attempt_at: Timestamp,
    /// What was heard instead of an answer, for an operator.
    pub last_error: String,
}

/// Which orders to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListOrders {
    /// Whose; everybody's without.
    pub owner: Option<UserId>,
    /// Only these; all but the rejected ones without.
    pub status: Option<OrderStatus>,
    /// Only what is older than this one.
    pub before: Option<OrderId>,
    /// At most so many.
    pub limit: u32,
}

/// Why the store gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database.
    #[error(transparent)]
    Database(#[from] platform_sql::Error),
    /// A row that cannot be what this service wrote.
    #[error("a stored order cannot be read: {0}")]
    Unreadable(&'static str),
    /// The schema lacks what this code needs.
    #[error("the schema is older than this process needs")]
    Outdated,
}

impl StoreError {
    /// Whether the same may work in a moment.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Database(platform_sql::Error::Unavailable(_)) | Self::Outdated
        )
    }
}
