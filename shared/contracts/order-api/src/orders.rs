//! The orders contract: what reconciling needs, no more.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use values::{OrderId, ProductId, Quantity, Timestamp, UserId};

use crate::OrderState;

/// Orders, as other processes read them.
#[async_trait]
pub trait Orders: Send + Sync + 'static {
    /// Orders in the order of their ids, for reconciling.
    async fn list(&self, after: Option<OrderId>, limit: u32) -> Result<OrderRecordPage, OrdersError>;

    /// Those of the orders that exist; at most 100 ids.
    async fn get_many(&self, ids: &[OrderId]) -> Result<Vec<OrderRecord>, OrdersError>;
}

/// An order as its books have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderRecord {
    /// Which.
    pub id: OrderId,
    /// Whose.
    pub user_id: UserId,
    /// The machine's state.
    pub state: OrderState,
    /// Who is asked for money.
    pub provider: String,
    /// What is bought.
    pub lines: Vec<(ProductId, Quantity)>,
    /// What is to be paid in minor units; none until products have answered.
    pub total: Option<i64>,
    /// What was captured, in minor units.
    pub captured: i64,
    /// What was given back, in minor units.
    pub refunded: i64,
    /// Whether a cancel was taken.
    pub cancel_requested: bool,
    /// How many events each final transition has written: confirmed, paid, rejected, cancelled.
    pub events: EventCounts,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it must have been decided.
    pub deadline_at: Timestamp,
    /// When it was first confirmed.
    pub confirmed_at: Option<Timestamp>,
}

/// Events written for one order, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct EventCounts {
    /// `order.confirmed`.
    pub confirmed: u32,
    /// `order.paid`.
    pub paid: u32,
    /// `order.rejected`.
    pub rejected: u32,
    /// `order.cancelled`.
    pub cancelled: u32,
}

/// A page of orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderRecordPage {
    /// In the order of their ids.
    pub items: Vec<OrderRecord>,
    /// Whether there are more.
    pub more: bool,
    /// When the store read them.
    pub read_at: Timestamp,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OrdersError {
    /// Nobody knows; try again.
    #[error("the orders are not available")]
    Unavailable(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
}
