//! Placing an order.

use std::sync::Arc;

use product_api::StockLine;
use tokio::time::{Instant, sleep_until, timeout_at};
use values::{OrderId, UserId};

use super::OrderService;
use crate::order::{NewOrder, StoredOrder, is_undecided};
use crate::store::{Inserted, StoreError};

/// One press of the button.
#[derive(Debug, Clone)]
pub struct PlaceOrder {
    /// Whose order it is to be.
    pub user_id: UserId,
    /// Tells one press from another.
    pub idempotency_key: String,
    /// What the request means, whatever it looked like.
    pub request_hash: [u8; 32],
    /// What is wanted: sorted by product, none twice.
    pub lines: Vec<StockLine>,
    /// The trace of the request.
    pub traceparent: Option<String>,
}

/// An order that is in the books.
#[derive(Debug, Clone)]
pub struct Placed {
    /// As it is now; still undecided if that took too long.
    pub order: Arc<StoredOrder>,
    /// Whether the key had been used before.
    pub replayed: bool,
}

/// Why there is no order.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The key was used for something else.
    #[error("the key was used for another request")]
    KeyReused,
    /// Nobody knows whether it is in the books; the same key finds out.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OrderService {
    /// Writes an order, then drives it, waiting for its end as long as a client would. With a key that was used before:
    /// the order of that key, driven on if it is open.
    pub async fn place(self: &Arc<Self>, place: PlaceOrder) -> Result<Placed, PlaceError> {
        let new = Arc::new(self.new_order(place));
        let (order, replayed) = match self.store.insert(new.clone()).await? {
            Inserted::New { number } => (new.stored(number), false),
            Inserted::Known(known) if known.request_hash != new.request_hash => return Err(PlaceError::KeyReused),
            Inserted::Known(known) => (*known, true),
        };
        let order = self.settle(Arc::new(order)).await;
        Ok(Placed { order, replayed })
    }

    fn new_order(&self, place: PlaceOrder) -> NewOrder {
        let now = self.clock.now();
        NewOrder {
            id: OrderId::from(self.clock.new_id()),
            user_id: place.user_id,
            idempotency_key: place.idempotency_key,
            request_hash: place.request_hash,
            provider: self.providers.chosen(),
            lines: place.lines,
            traceparent: place.traceparent,
            created_at: now,
            next_attempt_at: now.plus(self.timings.lease),
            deadline_at: now.plus(self.timings.deadline),
        }
    }

    /// Drives an undecided order and waits for its end, up to the time a client is willing to.
    pub(super) async fn settle(self: &Arc<Self>, order: Arc<StoredOrder>) -> Arc<StoredOrder> {
        let until = Instant::now() + self.timings.wait;
        let mut seen = order;
        while is_undecided(seen.state) {
            let Ok(Ok(order)) = timeout_at(until, self.drive(seen.clone())).await else {
                return seen;
            };
            seen = order;
            if !is_undecided(seen.state) {
                return seen;
            }
            // Nobody answered; the next try may still be in time.
            let pause = seen
                .next_attempt_at
                .map_or(self.timings.lease, |at| at.since(self.clock.now()));
            let next_try = Instant::now() + pause;
            if next_try >= until {
                sleep_until(until).await;
                return seen;
            }
            sleep_until(next_try).await;
            match self.store.find(seen.id, None).await {
                Ok(Some(order)) => seen = Arc::new(order),
                Ok(None) | Err(_) => return seen,
            }
        }
        seen
    }
}
