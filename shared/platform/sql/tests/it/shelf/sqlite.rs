//! All that is SQLite's in this store.

use platform_sql::{Migrations, SqliteDatabase, sqlite as engine};
use sqlx::Sqlite as Db;

#[path = "shared/goods.rs"]
mod goods;
#[path = "shared/store.rs"]
mod store;

pub(crate) use store::Store;

pub(super) const MIGRATIONS: Migrations =
    platform_sql::migrations!("tests/it/shelf/migrations/sqlite", ["0001_create"]);

/// Brings the schema up to date.
pub(crate) async fn open(database: &SqliteDatabase) -> Result<Store, platform_sql::Error> {
    database.migrate(&MIGRATIONS).await?;
    Ok(Store {
        reader: database.reader(),
        writer: database.writer(),
    })
}
