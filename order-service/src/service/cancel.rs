//! Calling an order off.

use std::sync::Arc;

use order_api::OrderState;
use platform_sql::idempotency::IdempotencyKey;
use values::{OrderId, UserId};

use super::OrderService;
use crate::order::{Change, Outcome, Reason, StoredOrder};
use crate::store::{Claim, StoreError};

/// How often a cancel may meet somebody else's move before its client hears that it did not work.
const ATTEMPTS: u32 = 20;

/// One press of the cancel button.
#[derive(Debug, Clone)]
pub struct CancelKey {
    /// Who pressed it.
    pub caller: UserId,
    /// Tells one press from another.
    pub key: String,
}

/// An order that was called off.
#[derive(Debug, Clone)]
pub struct Cancelled {
    /// As it is now; still undecided if that took too long.
    pub order: Arc<StoredOrder>,
    /// Whether the key had been used before.
    pub replayed: bool,
}

/// Why an order is not called off.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// There is no such order, or it is somebody else's.
    #[error("there is no such order")]
    NotFound,
    /// It was refused, or is handed over.
    #[error("the order cannot be cancelled any more")]
    NotCancellable,
    /// The key was used for another order.
    #[error("the key was used for another request")]
    KeyReused,
    /// The order moves all the time.
    #[error("the order is being moved by others")]
    Busy,
    /// Nobody knows.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OrderService {
    /// Calls an order off, with an owner only if it is theirs, and waits for the end of an undecided one as long as a
    /// client would. Once this has answered the order ends as `cancelled`, however often it is called.
    pub async fn cancel(
        self: &Arc<Self>,
        id: OrderId,
        owner: Option<UserId>,
        key: Option<CancelKey>,
    ) -> Result<Cancelled, CancelError> {
        let replayed = match key {
            Some(key) => self.claim(id, owner, key).await?,
            None => false,
        };
        let order = self.call_off(id, owner).await?;
        Ok(Cancelled { order, replayed })
    }

    /// Whether the key was used for this order before. The key of a stranger's order stays free.
    async fn claim(&self, id: OrderId, owner: Option<UserId>, key: CancelKey) -> Result<bool, CancelError> {
        if self.store.find(id, owner).await?.is_none() {
            return Err(CancelError::NotFound);
        }
        let key = IdempotencyKey {
            caller: key.caller.to_string(),
            route: "POST /api/orders/{id}/cancel".to_owned(),
            key: key.key,
            request_hash: id.as_uuid().as_bytes().to_vec(),
        };
        match self.store.claim_key(key, self.clock.now()).await? {
            Claim::Fresh => Ok(false),
            Claim::Replayed => Ok(true),
            Claim::Reused => Err(CancelError::KeyReused),
        }
    }

    async fn call_off(self: &Arc<Self>, id: OrderId, owner: Option<UserId>) -> Result<Arc<StoredOrder>, CancelError> {
        for _ in 0..ATTEMPTS {
            let order = self.store.find(id, owner).await?.ok_or(CancelError::NotFound)?;
            let to = match order.state {
                OrderState::Rejected | OrderState::Fulfilled => return Err(CancelError::NotCancellable),
                OrderState::Cancelled | OrderState::Refunding | OrderState::Refunded => return Ok(Arc::new(order)),
                OrderState::Cancelling if order.cancel_requested => return Ok(self.settle(Arc::new(order)).await),
                OrderState::Pending | OrderState::Cancelling => OrderState::Cancelling,
                OrderState::Confirmed | OrderState::Paid => OrderState::Refunding,
            };
            let outcome = Outcome {
                reason: Some(Reason::CancelRequested),
                cancel_requested: true,
                ..Outcome::default()
            };
            let change = Change::new(&order, to, outcome, self.occasion());
            let called_off = change.order.clone();
            if self.store.change(change).await? {
                return Ok(self.see_off(called_off).await);
            }
        }
        Err(CancelError::Busy)
    }

    /// The goods of a sold order come back by themselves; the end of an undecided one is worth waiting for.
    async fn see_off(self: &Arc<Self>, order: Arc<StoredOrder>) -> Arc<StoredOrder> {
        if order.state == OrderState::Refunding {
            drop(self.drive(order.clone()));
            return order;
        }
        self.settle(order).await
    }
}
