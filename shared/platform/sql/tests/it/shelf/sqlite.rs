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

/// Opens the store on a database whose schema is up to date.
pub(crate) fn open(database: &SqliteDatabase) -> Store {
    Store {
        reader: database.reader(),
        writer: database.writer(),
    }
}
