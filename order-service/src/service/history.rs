//! Looking at orders.

use order_api::OrderStatus;
use values::{OrderId, UserId};

use super::OrderService;
use crate::order::StoredOrder;
use crate::store::{ListOrders, StoreError};

/// Some orders, newest first.
#[derive(Debug, Clone)]
pub struct Page {
    /// The orders.
    pub orders: Vec<StoredOrder>,
    /// The last of them, where older ones follow.
    pub next: Option<OrderId>,
}

/// Why there is no order to show.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// There is no such order, or it is somebody else's.
    #[error("there is no such order")]
    NotFound,
    /// Nobody knows.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OrderService {
    /// One order; with an owner only if it is theirs.
    pub async fn get(&self, id: OrderId, owner: Option<UserId>) -> Result<StoredOrder, FindError> {
        self.store.find(id, owner).await?.ok_or(FindError::NotFound)
    }

    /// A page of orders, newest first: an owner's or everybody's, of one status or all but the rejected ones.
    pub async fn history(
        &self,
        owner: Option<UserId>,
        status: Option<OrderStatus>,
        before: Option<OrderId>,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let query = ListOrders {
            owner,
            status,
            before,
            limit: limit + 1,
        };
        let mut orders = self.store.list(&query).await?;
        let has_more = orders.len() > limit as usize;
        orders.truncate(limit as usize);
        let next = orders.last().map(|order| order.id).filter(|_| has_more);
        Ok(Page { orders, next })
    }

    /// How many orders a list has in all.
    pub async fn count(&self, owner: Option<UserId>, status: Option<OrderStatus>) -> Result<u64, StoreError> {
        self.store.count(owner, status).await
    }
}
