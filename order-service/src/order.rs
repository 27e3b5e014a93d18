//! An order as its row and lines have it, and how it changes.

mod change;
mod render;

use order_api::OrderState;
use product_api::{Refusal, ReservedLine, StockLine, StockRequest};
use values::{Money, OrderId, ProductId, Quantity, Sku, Timestamp, UserId};

pub use change::{Change, Occasion, Outcome};
pub use render::{items_of, render, total_of};

/// An order about to be written for the first time.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// Its id; also the key by which stock and payment know it.
    pub id: OrderId,
    /// Whose it is.
    pub user_id: UserId,
    /// One press of the button.
    pub idempotency_key: String,
    /// What the request means.
    pub request_hash: [u8; 32],
    /// Who is asked for money, to the end.
    pub provider: &'static str,
    /// What is wanted: sorted by product, none twice.
    pub lines: Vec<StockLine>,
    /// The trace of the request.
    pub traceparent: Option<String>,
    /// When.
    pub created_at: Timestamp,
    /// Until when the worker that begins has it to itself.
    pub next_attempt_at: Timestamp,
    /// When it must have been decided.
    pub deadline_at: Timestamp,
}

/// An order with its lines.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredOrder {
    /// Its id.
    pub id: OrderId,
    /// Short and rising.
    pub number: i64,
    /// Whose it is.
    pub user_id: UserId,
    /// What the request meant.
    pub request_hash: [u8; 32],
    /// Where it is.
    pub state: OrderState,
    /// Why it is not going to be bought.
    pub reason: Option<Reason>,
    /// What stock said when it refused.
    pub refusal: Option<Refusal>,
    /// Whether a cancel was taken.
    pub cancel_requested: bool,
    /// Who is asked for money.
    pub provider: String,
    /// What it costs, once stock has said so.
    pub total: Option<Money>,
    /// What was taken, in minor units.
    pub captured: i64,
    /// What was given back, in minor units.
    pub refunded: i64,
    /// Rises with every change.
    pub version: i64,
    /// Unknown answers in a row.
    pub attempts: u32,
    /// When the recovery job may take it up; none at rest.
    pub next_attempt_at: Option<Timestamp>,
    /// When it must have been decided.
    pub deadline_at: Timestamp,
    /// The trace of the request that placed it.
    pub traceparent: Option<String>,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was first confirmed.
    pub confirmed_at: Option<Timestamp>,
    /// What is bought, sorted by product.
    pub lines: Vec<OrderLine>,
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    /// Which.
    pub product_id: ProductId,
    /// How many.
    pub quantity: Quantity,
    /// What it was called and cost at the moment of purchase; none until stock has said so.
    pub snapshot: Option<Snapshot>,
}

/// Names and price of a line at the moment of purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its sku.
    pub sku: Sku,
    /// Its name.
    pub name: String,
    /// The price of one.
    pub unit_price: Money,
}

/// Why an order ended as it did. The names are part of the public API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Too few of something.
    InsufficientStock,
    /// Something that is not for sale.
    UnknownProduct,
    /// Prices in more than one currency.
    MixedCurrency,
    /// No money was promised or could be taken.
    PaymentDeclined,
    /// It could not be decided in time.
    DeadlinePassed,
    /// What was held for it expired before it was paid.
    ReservationLost,
    /// Somebody called it off.
    CancelRequested,
}

impl Reason {
    const ALL: [Self; 7] = [
        Self::InsufficientStock,
        Self::UnknownProduct,
        Self::MixedCurrency,
        Self::PaymentDeclined,
        Self::DeadlinePassed,
        Self::ReservationLost,
        Self::CancelRequested,
    ];

    /// The name in stores and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InsufficientStock => "insufficient_stock",
            Self::UnknownProduct => "unknown_product",
            Self::MixedCurrency => "mixed_currency",
            Self::PaymentDeclined => "payment_declined",
            Self::DeadlinePassed => "deadline_passed",
            Self::ReservationLost => "reservation_lost",
            Self::CancelRequested => "cancel_requested",
        }
    }

    /// Reads [`Reason::name`] back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// The reason behind a refusal of stock.
    pub const fn of_refusal(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::InsufficientStock { .. } => Self::InsufficientStock,
            Refusal::UnknownProduct { .. } => Self::UnknownProduct,
            Refusal::MixedCurrency => Self::MixedCurrency,
        }
    }
}

/// Whether an order in this state still has to be driven.
pub const fn is_open(state: OrderState) -> bool {
    matches!(
        state,
        OrderState::Pending | OrderState::Cancelling | OrderState::Confirmed | OrderState::Refunding
    )
}

/// Whether a client has to wait before it knows how this ends.
pub const fn is_undecided(state: OrderState) -> bool {
    matches!(state, OrderState::Pending | OrderState::Cancelling)
}

impl NewOrder {
    /// The order as it stands in the books once it is written.
    pub fn stored(&self, number: i64) -> StoredOrder {
        let lines = self.lines.iter().map(|line| OrderLine {
            product_id: line.product_id,
            quantity: line.quantity,
            snapshot: None,
        });
        StoredOrder {
            id: self.id,
            number,
            user_id: self.user_id,
            request_hash: self.request_hash,
            state: OrderState::Pending,
            reason: None,
            refusal: None,
            cancel_requested: false,
            provider: self.provider.to_owned(),
            total: None,
            captured: 0,
            refunded: 0,
            version: 1,
            attempts: 0,
            next_attempt_at: Some(self.next_attempt_at),
            deadline_at: self.deadline_at,
            traceparent: self.traceparent.clone(),
            created_at: self.created_at,
            updated_at: self.created_at,
            confirmed_at: None,
            lines: lines.collect(),
        }
    }
}

impl StoredOrder {
    /// What stock is asked for it, the same every time.
    pub fn stock_request(&self) -> StockRequest {
        let lines = self.lines.iter().map(|line| StockLine {
            product_id: line.product_id,
            quantity: line.quantity,
        });
        StockRequest {
            order_id: self.id,
            lines: lines.collect(),
        }
    }
}

impl From<ReservedLine> for OrderLine {
    fn from(line: ReservedLine) -> Self {
        Self {
            product_id: line.product_id,
            quantity: line.quantity,
            snapshot: Some(Snapshot {
                sku: line.sku,
                name: line.name,
                unit_price: line.unit_price,
            }),
        }
    }
}
