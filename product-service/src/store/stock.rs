//! What is kept of goods that are held and sold: the trait of the store, and what goes in and out of it.
//!
//! What a step comes to is decided in memory (`plan.rs`) from rows that are locked, many steps at once, so that a hot
//! product costs one update a batch and a sold-out one spoils nobody else's order.

mod plan;
mod row;

use async_trait::async_trait;
use platform_sql::Error;
use product_api::{Reservation, SaleMode, StockFault, StockRequest};
use values::{OrderId, Timestamp};

pub use plan::HELD_FOR;
pub(super) use plan::{Goods, Plan, Writes};
pub(super) use row::{Row, refusal_of, state_of};

/// Goods for orders, as they are kept.
#[async_trait]
pub trait StockStore: Send + Sync + 'static {
    /// Takes a step for an order, if its state is one that the step leads on from, with the ledger rows and the events
    /// of what it moves. Answers what stands in the books then; taken again it changes nothing.
    async fn step(&self, step: Step, at: Timestamp) -> Result<Stepped, Error>;

    /// Orders whose goods have been held for too long, the longest first.
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<OrderId>, Error>;

    /// Reservations after an id in the order of their ids.
    async fn reservations(&self, after: Option<OrderId>, limit: u32) -> Result<Vec<Reservation>, Error>;

    /// Where shelf, ledger and reservations do not agree; the first thousand.
    async fn faults(&self) -> Result<Vec<StockFault>, Error>;
}

/// What may be done for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Hold the goods, where nothing stands in the books.
    Reserve(StockRequest),
    /// Hold and sell them, or sell what is held, as far as the mode allows.
    Sell(StockRequest, SaleMode),
    /// Sell what is held.
    Confirm(OrderId),
    /// Let go of what is held; where nothing stands in the books, see to it that nothing ever will be.
    Release(OrderId),
    /// Take back what was sold.
    Return(OrderId),
    /// Let go of what has been held for too long.
    Expire(OrderId),
}

/// What a step comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stepped {
    /// This stands in the books.
    Stands(Reservation),
    /// Nothing does.
    Nothing,
    /// What stands there was asked for with other lines.
    OtherRequest,
}

impl Step {
    /// The order it is for.
    pub fn order_id(&self) -> OrderId {
        match self {
            Self::Reserve(request) | Self::Sell(request, _) => request.order_id,
            Self::Confirm(id) | Self::Release(id) | Self::Return(id) | Self::Expire(id) => *id,
        }
    }

    /// The goods it asks for.
    fn request(&self) -> Option<&StockRequest> {
        match self {
            Self::Reserve(request) | Self::Sell(request, _) => Some(request),
            _ => None,
        }
    }
}

/// A step and the moment it was asked for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) step: Step,
    pub(super) at: Timestamp,
    /// Of the request it is a part of, where traces are recorded.
    pub(super) traceparent: Option<String>,
}
