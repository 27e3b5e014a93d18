//! What a call of [`Products`](crate::Products) or [`Stock`](crate::Stock) carries between processes.
//!
//! These are the bodies of the internal HTTP routes, `POST` each, and what the gRPC requests are read as; where an argument
//! is a type of its own (a [`ListProducts`](crate::ListProducts), a [`NewProduct`](crate::NewProduct), a
//! [`StockRequest`]) that is the body itself. Members that are not known are ignored. A member that is
//! added is optional for a release, so that old and new processes understand each other. A value of an enumeration that the
//! reader does not know makes the whole body unreadable, which a caller takes for *unknown*: nobody acts on half an answer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use values::{OrderId, ProductId, ValueError};

use crate::{Product, ProductUpdate, Reservation, SaleMode, StockError, StockFault, StockRequest, View};

/// The name of [`Products`](crate::Products) in the errors of its calls.
pub const PRODUCTS: &str = "products";
/// The name of [`Stock`](crate::Stock) in the errors of its calls.
pub const STOCK: &str = "stock";

/// `POST /internal/products/get`, answered with a [`Product`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GetProduct {
    /// Which.
    pub id: ProductId,
    /// Whose eyes.
    pub view: View,
}

/// `POST /internal/products/get-many`, answered with [`ProductsFound`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GetProducts {
    /// Which: at most 100.
    #[serde(deserialize_with = "up_to_a_hundred")]
    #[schema(max_items = 100)]
    pub ids: Vec<ProductId>,
    /// Whose eyes.
    pub view: View,
}

impl GetProducts {
    /// The most ids of one call.
    pub const MAX_IDS: usize = 100;

    /// Refuses too many ids.
    pub fn new(ids: Vec<ProductId>, view: View) -> Result<Self, ValueError> {
        if ids.len() > Self::MAX_IDS {
            return Err(ValueError::new("must be at most 100"));
        }
        Ok(Self { ids, view })
    }
}

/// Those of the products that there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProductsFound {
    /// In no promised order.
    pub items: Vec<Product>,
}

/// `POST /internal/products/update`, answered with a [`Product`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UpdateProduct {
    /// Which.
    pub id: ProductId,
    /// All but its stock.
    pub update: ProductUpdate,
    /// Makes it a compare-and-set.
    pub expected_version: Option<i64>,
}

/// `POST /internal/products/delete`, answered without a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeleteProduct {
    /// Which.
    pub id: ProductId,
    /// Makes it a compare-and-set.
    pub expected_version: Option<i64>,
}

/// `POST /internal/products/changes`, answered with a [`ChangesPage`](crate::ChangesPage).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangesSince {
    /// As the page before gave it; from the beginning without one.
    pub cursor: Option<String>,
    /// 1 to 1,000.
    pub limit: u32,
}

/// `POST /internal/stock/sell`, answered with a [`Reservation`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sell {
    /// The goods.
    pub request: StockRequest,
    /// When it may be sold.
    pub mode: SaleMode,
}

/// `POST /internal/stock/sell-many`, answered with [`Sales`]. Each order is sold by itself, as if it were asked for alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SellMany {
    /// The orders: 1 to 64.
    #[serde(deserialize_with = "up_to_sixty_four")]
    #[schema(min_items = 1, max_items = 64)]
    pub orders: Vec<Sell>,
}

impl SellMany {
    /// The most orders of one call.
    pub const MAX_ORDERS: usize = 64;

    /// Refuses none and too many.
    pub fn new(orders: Vec<Sell>) -> Result<Self, ValueError> {
        if orders.is_empty() || orders.len() > Self::MAX_ORDERS {
            return Err(ValueError::new("must be 1 to 64"));
        }
        Ok(Self { orders })
    }
}

/// What became of the orders of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sales {
    /// In the order of the call, one for each.
    pub sales: Vec<Sale>,
}

/// What became of one of them: what [`Stock::sell`](crate::Stock::sell) answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sale {
    /// What stands in the books.
    Reservation(Reservation),
    /// The order id was used with other lines.
    OtherRequest,
    /// Nobody knows whether it happened.
    Unavailable,
}

impl From<Result<Reservation, StockError>> for Sale {
    fn from(sold: Result<Reservation, StockError>) -> Self {
        match sold {
            Ok(reservation) => Self::Reservation(reservation),
            Err(StockError::OtherRequest) => Self::OtherRequest,
            Err(StockError::Unavailable(_)) => Self::Unavailable,
        }
    }
}

impl From<Sale> for Result<Reservation, StockError> {
    fn from(sale: Sale) -> Self {
        match sale {
            Sale::Reservation(reservation) => Ok(reservation),
            Sale::OtherRequest => Err(StockError::OtherRequest),
            Sale::Unavailable => Err(StockError::Unavailable(None)),
        }
    }
}

/// `POST /internal/stock/confirm`, `release` and `return`, each answered with its [`Outcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ForOrder {
    /// The order, which is the key.
    pub order_id: OrderId,
}

/// How it stands after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Outcome<T> {
    /// The definite answer.
    pub outcome: T,
}

/// `POST /internal/stock/reservations`, answered with a [`ReservationPage`](crate::ReservationPage).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReservationsAfter {
    /// The last order id of the page before.
    pub after: Option<OrderId>,
    /// 1 to 1,000.
    pub limit: u32,
}

/// The answer to `POST /internal/stock/faults`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FaultsFound {
    /// Empty if all adds up.
    pub faults: Vec<StockFault>,
}

fn up_to_sixty_four<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Sell>, D::Error> {
    let checked = SellMany::new(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)?;
    Ok(checked.orders)
}

fn up_to_a_hundred<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<ProductId>, D::Error> {
    let ids = Vec::deserialize(deserializer)?;
    let checked = GetProducts::new(ids, View::Public).map_err(serde::de::Error::custom)?;
    Ok(checked.ids)
}
