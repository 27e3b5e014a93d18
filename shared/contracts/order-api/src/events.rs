//! The events of orders: ids, no personal data.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use values::OrderId;

/// An order was first confirmed.
pub const ORDER_CONFIRMED: &str = "order.confirmed.v1";
/// A payment was captured.
pub const ORDER_PAID: &str = "order.paid.v1";
/// An order was refused by stock.
pub const ORDER_REJECTED: &str = "order.rejected.v1";
/// An order was called off and is at rest.
pub const ORDER_CANCELLED: &str = "order.cancelled.v1";

/// Data of every order event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderChanged {
    /// Which.
    pub order_id: OrderId,
    /// The order's version after the change.
    pub version: i64,
}
