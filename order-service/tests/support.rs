//! What several subjects need.

pub(crate) mod books;
pub(crate) mod catalogue;
pub(crate) mod gated;
pub(crate) mod shop;
pub(crate) mod stocks;
pub(crate) mod warehouse;

use std::sync::Arc;

use platform_sql::Database;
use product_api::testing::InMemoryStock;

pub(crate) use books::{Books, eventually, lines, open};
use catalogue::Catalogue;
use warehouse::Warehouse;

/// Books of orders and a warehouse beside them.
pub(crate) async fn open_with_goods(database: Database) -> (Books, Arc<dyn Warehouse>) {
    (open(database).await, Catalogue::new(InMemoryStock::default()))
}
