//! What other processes may ask of the catalogue and the stock: the traits, their types and their errors.
//!
//! [`Products`] reads and changes the catalogue; [`Stock`] holds, sells and returns goods for orders. product-service
//! implements both; order-service calls [`Stock`] to place an order and [`Products`] to fill its inventory cache. A diff
//! in this crate is a change of the API between services.
//!
//! Start reading at [`Stock`]: every method is idempotent by order id. To add a method: the trait, an arm in each
//! implementation (service, switch, fake), and a case in the contract suite.
//!
//! Between processes a call travels over HTTP ([`calls`]) or gRPC (feature `grpc`); its errors travel as problems, and
//! come back as the same errors.
//!
//! Feature `testing` has a fake and the contract suite that every implementation passes.

pub mod calls;
pub mod events;
#[cfg(feature = "grpc")]
pub mod grpc;
mod problems;
mod product;
mod products;
mod stock;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod wire_tests;

pub use problems::PROBLEMS;
pub use problems::{
    FAMILY_OPTIONS_TAKEN, INSUFFICIENT_STOCK, MIXED_CURRENCY, ORDER_ID_REUSED, SKU_TAKEN, STOCK_NOT_COUNTED,
    STOCK_NOT_WRITABLE, UNKNOWN_PRODUCT,
};
pub use product::{Image, Options, Product};
pub use products::{
    Change, ChangesPage, ListProducts, ListedProduct, NewProduct, ProductPage, ProductUpdate, Products, ProductsError,
    Sort, View,
};
pub use stock::{
    Confirmed, Refusal, Released, Reservation, ReservationPage, ReservationState, ReservedLine, Returned, SaleMode,
    ShortItem, Stock, StockError, StockFault, StockLine, StockRequest,
};

/// The public operations of the service, as OpenAPI 3.1. Written by `product-service openapi`; a test keeps it equal.
pub const OPENAPI: &str = include_str!("../openapi.json");

/// The operations for other processes, likewise: `product-service openapi --internal`.
pub const INTERNAL_OPENAPI: &str = include_str!("../internal.json");
