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

/// Opens the store on a database whose schema is up to date.
pub(crate) fn open(database: &PgDatabase) -> Store {
    Store {
        reader: database.reader(),
        writer: database.writer(),
    }
}
