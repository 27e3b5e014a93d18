//! All that is Postgres' in this store.

use platform_sql::{Migrations, PgDatabase, postgres as engine};
use sqlx::Postgres as Db;

#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/goods.rs"]
mod goods;
#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/store.rs"]
mod store;

pub(crate) use store::Store;

pub(super) const MIGRATIONS: Migrations =
    platform_sql::migrations!("tests/it/shelf/migrations/postgres", ["0001_create"]);

/// Brings the schema up to date.
pub(crate) async fn open(database: &PgDatabase) -> Result<Store, platform_sql::Error> {
    database.migrate(&MIGRATIONS).await?;
    Ok(Store {
        reader: database.reader(),
        writer: database.writer(),
    })
}
