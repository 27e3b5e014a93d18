//! The rules of orders.
//!
//! [`OrderService`] holds what they need; each use case is a file below. All of them come down to one driver,
//! `advance`, which moves an order by [`decide`](crate::decision::decide) until it rests or nobody answers.

mod advance;
mod cancel;
mod history;
mod place;
mod quote;
mod recovery;

use std::sync::Arc;

use async_trait::async_trait;
use order_api::{OrderRecord, OrderRecordPage, Orders, OrdersError};
use platform_clock::Clock;
use product_api::Stock;
use tokio_util::task::TaskTracker;
use values::OrderId;

use crate::inventory::Inventory;
use crate::order::Occasion;
use crate::payment::Providers;
use crate::store::OrderStore;
use crate::timings::Timings;

pub use cancel::{CancelError, CancelKey, Cancelled};
pub use history::{FindError, Page};
pub use place::{PlaceError, PlaceOrder, Placed};
pub use quote::QuoteError;

/// The books of orders failed.
pub use crate::store::StoreError as Fault;

/// Orders in this process.
pub struct OrderService {
    store: Arc<dyn OrderStore>,
    stock: Arc<dyn Stock>,
    providers: Providers,
    inventory: Arc<Inventory>,
    clock: Arc<dyn Clock>,
    timings: Timings,
    workers: TaskTracker,
}

impl OrderService {
    /// Orders over a store and a stock, wherever those are.
    pub fn new(
        store: Arc<dyn OrderStore>,
        stock: Arc<dyn Stock>,
        providers: Providers,
        inventory: Arc<Inventory>,
        clock: Arc<dyn Clock>,
        timings: Timings,
    ) -> Self {
        Self {
            store,
            stock,
            providers,
            inventory,
            clock,
            timings,
            workers: TaskTracker::new(),
        }
    }

    /// The workers that drive orders, which go on when their clients are gone. A graceful stop waits for them.
    pub fn workers(&self) -> &TaskTracker {
        &self.workers
    }

    fn occasion(&self) -> Occasion {
        let now = self.clock.now();
        Occasion {
            now,
            lease_until: now.plus(self.timings.lease),
            event_id: self.clock.new_id(),
        }
    }
}

#[async_trait]
impl Orders for OrderService {
    async fn list(&self, after: Option<OrderId>, limit: u32) -> Result<OrderRecordPage, OrdersError> {
        let read_at = self.clock.now();
        let limit = limit.clamp(1, 1_000);
        let mut items = self.store.records_after(after, limit + 1).await?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        Ok(OrderRecordPage { items, more, read_at })
    }

    async fn get_many(&self, ids: &[OrderId]) -> Result<Vec<OrderRecord>, OrdersError> {
        Ok(self.store.records_of(ids).await?)
    }
}

impl From<Fault> for OrdersError {
    fn from(error: Fault) -> Self {
        Self::Unavailable(Some(error.into()))
    }
}
