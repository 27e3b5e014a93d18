//! The books, read and written past the service.

use platform_sql::{Database, Error};
use uuid::Uuid;
use values::{OrderId, ProductId};

/// The same on whichever engine it is.
macro_rules! on {
    ($way:ident of $database:expr, $input:expr, |$connection:ident, $given:ident| $work:expr) => {
        match $database {
            Database::Sqlite(database) => {
                let unit = database.$way();
                let unit = unit.run($input, |$connection, $given| {
                    Box::pin(async move { Ok::<_, Error>($work) })
                });
                unit.await.unwrap()
            }
            Database::Postgres(database) => {
                let unit = database.$way();
                let unit = unit.run($input, |$connection, $given| {
                    Box::pin(async move { Ok::<_, Error>($work) })
                });
                unit.await.unwrap()
            }
        }
    };
}

/// Whether a product is counted, how many are there, and how many of those are held.
pub(super) async fn shelf(database: &Database, id: ProductId) -> (bool, i64, i64) {
    let select = "SELECT counted, on_hand, reserved FROM stock WHERE product_id = $1";
    on!(reader of database, (select, id), |connection, given| {
        sqlx::query_as(given.0).bind(given.1.as_uuid()).fetch_one(connection).await?
    })
}

/// What the ledger says of an order: kind and pieces, in the order of the products.
pub(super) async fn ledger(database: &Database, id: OrderId) -> Vec<(String, i64)> {
    let select = "SELECT kind, delta FROM stock_ledger WHERE order_id = $1 ORDER BY product_id, at, delta";
    on!(reader of database, (select, id), |connection, given| {
        sqlx::query_as(given.0).bind(given.1.as_uuid()).fetch_all(connection).await?
    })
}

/// Does to the books what nothing should ever do to them.
pub(super) async fn tamper(database: &Database, sql: &'static str, id: impl Into<Uuid>) {
    on!(writer of database, (sql, id.into()), |connection, given| {
        let done = sqlx::query(given.0).bind(given.1).execute(connection).await?;
        assert!(done.rows_affected() > 0, "{}", given.0);
    });
}
