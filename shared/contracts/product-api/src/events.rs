//! The events of catalogue and stock: ids and counters, no more. Last writer wins by `version` and `seq`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use values::ProductId;

/// A product was created.
pub const PRODUCT_CREATED: &str = "product.created.v1";
/// A product was changed.
pub const PRODUCT_UPDATED: &str = "product.updated.v1";
/// A product was deleted.
pub const PRODUCT_DELETED: &str = "product.deleted.v1";
/// What can be bought of a product changed; one event per product and batch.
pub const STOCK_CHANGED: &str = "stock.changed.v1";

/// Data of `product.created`, `product.updated` and `product.deleted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductChanged {
    /// Which.
    pub product_id: ProductId,
    /// Its version after the change.
    pub version: i64,
}

/// Data of `stock.changed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockChanged {
    /// Which.
    pub product_id: ProductId,
    /// What can be bought from now on; none: not counted.
    pub available: Option<i64>,
    /// Rises with every change of this product's stock.
    pub seq: i64,
}
