//! What the fault suites of orders stand on here: the books of orders, and goods as product-service keeps them.

#[path = "../../../order-service/tests/support/books.rs"]
pub(crate) mod books;
mod goods;
#[path = "../../../order-service/tests/support/stocks.rs"]
pub(crate) mod stocks;
#[path = "../../../order-service/tests/support/warehouse.rs"]
pub(crate) mod warehouse;

use std::sync::Arc;

use platform_sql::Database;

pub(crate) use books::{Books, eventually, lines, open};
use goods::Goods;
use warehouse::Warehouse;

/// Books of orders and product-service beside them, on the same engine.
pub(crate) async fn open_with_goods(database: Database) -> (Books, Arc<dyn Warehouse>) {
    let books = open(database).await;
    let goods = Goods::beside(&books.database).await;
    (books, Arc::new(goods))
}
