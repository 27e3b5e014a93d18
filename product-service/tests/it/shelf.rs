//! What lies on a shelf, read past the service.

use platform_sql::{Database, Error};
use values::ProductId;

const READ: &str = "SELECT counted, on_hand, reserved FROM stock WHERE product_id = $1";

/// Whether it is counted, how many are there, and how many of those are held.
pub(crate) async fn read(database: &Database, id: ProductId) -> (bool, i64, i64) {
    let read = match database {
        Database::Sqlite(database) => {
            let read = database.reader();
            read.run(id, |connection, id| {
                Box::pin(
                    async move { Ok::<_, Error>(sqlx::query_as(READ).bind(id.as_uuid()).fetch_one(connection).await?) },
                )
            })
            .await
        }
        Database::Postgres(database) => {
            let read = database.reader();
            read.run(id, |connection, id| {
                Box::pin(
                    async move { Ok::<_, Error>(sqlx::query_as(READ).bind(id.as_uuid()).fetch_one(connection).await?) },
                )
            })
            .await
        }
    };
    read.unwrap()
}
