//! An order as clients see it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use values::{Money, OrderId, ProductId, Quantity, Sku, Timestamp, UserId};

/// An order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Order {
    /// UUIDv7.
    pub id: OrderId,
    /// Short, rising, for people; may have gaps.
    pub number: i64,
    /// Whose it is.
    pub user_id: UserId,
    /// How far it got.
    pub status: OrderStatus,
    /// Why it was rejected or cancelled, where there is more to say.
    pub reason: Option<OrderReason>,
    /// What is bought, sorted by product.
    pub items: Vec<OrderItem>,
    /// The sum of the lines; null until products have answered.
    pub subtotal: Option<Money>,
    /// Reductions and surcharges; always empty for now.
    #[schema(value_type = Vec<Object>)]
    pub adjustments: Vec<serde_json::Value>,
    /// What is to be paid; null until products have answered.
    pub total: Option<Money>,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A line of an order, with names and prices of the moment of purchase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OrderItem {
    /// Which.
    pub product_id: ProductId,
    /// Its sku then.
    pub sku: Option<Sku>,
    /// Its name then.
    pub name: Option<String>,
    /// How many.
    pub quantity: Quantity,
    /// The price of one then.
    pub unit_price: Option<Money>,
    /// The price of all.
    pub line_total: Option<Money>,
}

/// What an order is to its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Being worked on; it ends by itself.
    Pending,
    /// Bought.
    Confirmed,
    /// Handed over.
    Fulfilled,
    /// Refused.
    Rejected,
    /// Called off.
    Cancelled,
}

/// Why an order ended as it did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OrderReason {
    /// The code of the refusal, such as `insufficient_stock`.
    pub code: String,
    /// The lines at fault, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub items: Option<Vec<serde_json::Value>>,
}

/// The machine behind [`OrderStatus`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Taken; goods and money are being asked for.
    Pending,
    /// Being undone before it was ever confirmed.
    Cancelling,
    /// Sold, money authorised or not needed yet.
    Confirmed,
    /// Sold and paid; where an order rests.
    Paid,
    /// Handed over.
    Fulfilled,
    /// Being undone after it was confirmed, or with the goods sold.
    Refunding,
    /// Undone; goods and money are back.
    Refunded,
    /// Refused by stock.
    Rejected,
    /// Undone before it was ever confirmed.
    Cancelled,
}

impl OrderState {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Cancelling,
        Self::Confirmed,
        Self::Paid,
        Self::Fulfilled,
        Self::Refunding,
        Self::Refunded,
        Self::Rejected,
        Self::Cancelled,
    ];

    /// What the owner of the order sees of it.
    pub const fn status(self) -> OrderStatus {
        match self {
            Self::Pending | Self::Cancelling => OrderStatus::Pending,
            Self::Confirmed | Self::Paid => OrderStatus::Confirmed,
            Self::Fulfilled => OrderStatus::Fulfilled,
            Self::Rejected => OrderStatus::Rejected,
            Self::Cancelled | Self::Refunding | Self::Refunded => OrderStatus::Cancelled,
        }
    }

    /// The name in stores and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Cancelling => "cancelling",
            Self::Confirmed => "confirmed",
            Self::Paid => "paid",
            Self::Fulfilled => "fulfilled",
            Self::Refunding => "refunding",
            Self::Refunded => "refunded",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads [`OrderState::name`] back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What an order would be now; nothing is held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Quote {
    /// The lines, sorted by product.
    pub items: Vec<QuotedItem>,
    /// The sum of the lines.
    pub subtotal: Money,
    /// What would be paid.
    pub total: Money,
}

/// A line of a quote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QuotedItem {
    /// Which.
    pub product_id: ProductId,
    /// Its sku.
    pub sku: Sku,
    /// Its name.
    pub name: String,
    /// How many were asked for.
    pub quantity: Quantity,
    /// How many there are, up to a second old; null: not counted.
    pub available: Option<i64>,
    /// The price of one.
    pub unit_price: Money,
    /// The price of all.
    pub line_total: Money,
}
