//! The stock contract: hold, sell and give back goods for an order.

use async_trait::async_trait;
use platform_problem::{Problem, ReceivedProblem, codes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use values::{Money, OrderId, ProductId, Quantity, Sku, Timestamp, ValueError};

use crate::calls::STOCK;
use crate::problems::ORDER_ID_REUSED;

/// Goods for orders. Each method is one transaction and idempotent by order id: a repeated call answers what the first
/// one did. An `Ok` is definite; any `Err` but [`StockError::OtherRequest`] means that nobody knows.
#[async_trait]
pub trait Stock: Send + Sync + 'static {
    /// Holds the goods for 15 minutes. A row that exists answers with its state and its stored lines.
    async fn reserve(&self, request: &StockRequest) -> Result<Reservation, StockError>;

    /// Reserve and confirm in one step, for when nothing stands between them.
    async fn sell(&self, request: &StockRequest, mode: SaleMode) -> Result<Reservation, StockError>;

    /// Turns what is held into a sale.
    async fn confirm(&self, order_id: OrderId) -> Result<Confirmed, StockError>;

    /// Lets go of what is held, and makes sure that nothing can be held for the order later.
    async fn release(&self, order_id: OrderId) -> Result<Released, StockError>;

    /// Puts what was sold back on the shelf.
    async fn return_goods(&self, order_id: OrderId) -> Result<Returned, StockError>;

    /// Reservations in the order of their ids, for reconciling.
    async fn reservations(&self, after: Option<OrderId>, limit: u32) -> Result<ReservationPage, StockError>;

    /// What is wrong with the shelf as product-service can tell by itself: invariants 1 to 3 of the protocol.
    async fn faults(&self) -> Result<Vec<StockFault>, StockError>;
}

/// The goods of one order. Lines are sorted by product and no product stands twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "UncheckedRequest")]
pub struct StockRequest {
    /// The order, which is the key.
    pub order_id: OrderId,
    /// What is wanted: 1 to 100 lines.
    pub lines: Vec<StockLine>,
}

#[derive(Deserialize)]
struct UncheckedRequest {
    order_id: OrderId,
    lines: Vec<StockLine>,
}

impl StockRequest {
    /// The most lines of one order.
    pub const MAX_LINES: usize = 100;

    /// Refuses lines that are none or too many, not sorted, or of one product twice.
    pub fn new(order_id: OrderId, lines: Vec<StockLine>) -> Result<Self, ValueError> {
        if lines.is_empty() || lines.len() > Self::MAX_LINES {
            return Err(ValueError::new("must have 1 to 100 lines"));
        }
        if !lines.is_sorted_by(|one, next| one.product_id < next.product_id) {
            return Err(ValueError::new("must have lines sorted by product, none twice"));
        }
        Ok(Self { order_id, lines })
    }
}

impl TryFrom<UncheckedRequest> for StockRequest {
    type Error = ValueError;

    fn try_from(UncheckedRequest { order_id, lines }: UncheckedRequest) -> Result<Self, ValueError> {
        Self::new(order_id, lines)
    }
}

/// So many of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct StockLine {
    /// Which.
    pub product_id: ProductId,
    /// How many.
    pub quantity: Quantity,
}

/// When `sell` may sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SaleMode {
    /// At any price: nobody has to authorise a payment.
    Always,
    /// Only a total of zero is sold; anything else is held and answers `Held`.
    OnlyIfFree,
}

/// What stands in the books for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reservation {
    /// The order.
    pub order_id: OrderId,
    /// How far it got.
    pub state: ReservationState,
    /// What was held, with names and prices of that moment; empty for a tombstone and a refusal.
    pub lines: Vec<ReservedLine>,
    /// Why it was refused, where it was.
    pub refusal: Option<Refusal>,
}

/// The state of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    /// Held, until it expires.
    Held,
    /// Sold.
    Sold,
    /// Let go, or never held and never to be.
    Released,
    /// Held for too long.
    Expired,
    /// Refused.
    Rejected,
    /// Sold and brought back.
    Returned,
}

/// One line that was held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReservedLine {
    /// Which.
    pub product_id: ProductId,
    /// How many.
    pub quantity: Quantity,
    /// Whether the product was counted then; what is given back goes by that.
    pub counted: bool,
    /// Its sku then.
    pub sku: Sku,
    /// Its name then.
    pub name: String,
    /// Its price then.
    pub unit_price: Money,
}

/// Why goods were refused. Stored: the answer to that order for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// Too few of these.
    InsufficientStock {
        /// Each line that is short.
        items: Vec<ShortItem>,
    },
    /// These do not exist or are not for sale.
    UnknownProduct {
        /// Each line that names one.
        items: Vec<ProductId>,
    },
    /// Prices in more than one currency.
    MixedCurrency,
}

/// A line that is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShortItem {
    /// Which.
    pub product_id: ProductId,
    /// How many were asked for.
    pub requested: i64,
    /// How many there were.
    pub available: i64,
}

/// The answer to `confirm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confirmed {
    /// Sold, now or before.
    Sold,
    /// There is nothing held any more.
    Gone,
}

/// The answer to `release`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Released {
    /// Nothing is held, and nothing ever will be.
    Released,
    /// Too late: it is sold.
    AlreadySold,
}

/// The answer to `return_goods`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Returned {
    /// Back on the shelf, now or before.
    Returned,
    /// It was never sold: a fault of ours.
    NotSold,
}

/// A page of reservations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReservationPage {
    /// In the order of their order ids.
    pub items: Vec<Reservation>,
    /// Whether there are more.
    pub more: bool,
    /// When the store read them.
    pub read_at: Timestamp,
}

/// Something is wrong with the books of one product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockFault {
    /// Which.
    pub product_id: ProductId,
    /// The invariant of the protocol that is broken, 1 to 3.
    pub invariant: u8,
    /// The figures.
    pub detail: String,
}

/// Why there is no definite answer.
#[derive(Debug, thiserror::Error)]
pub enum StockError {
    /// The order id was used with other lines. Definite, and a fault of ours.
    #[error("the order id was used for another request")]
    OtherRequest,
    /// Nobody knows whether it happened; repeat the call.
    #[error("the stock is not available")]
    Unavailable(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
}

impl From<&StockError> for Problem {
    fn from(error: &StockError) -> Self {
        match error {
            StockError::OtherRequest => Self::new(&ORDER_ID_REUSED),
            StockError::Unavailable(_) => Self::new(&codes::UNAVAILABLE),
        }
    }
}

impl From<ReceivedProblem> for StockError {
    /// What the stock itself refused is that refusal again; after anything else nobody knows.
    fn from(received: ReceivedProblem) -> Self {
        if received.is(STOCK, &Problem::from(&Self::OtherRequest)) {
            return Self::OtherRequest;
        }
        Self::Unavailable(Some(received.into()))
    }
}
