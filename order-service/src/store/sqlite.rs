//! All that is SQLite's in this store.

use std::sync::Arc;

use platform_sql::{Migrations, SqliteDatabase as Database, Writer, sqlite as engine};
use sqlx::Sqlite as Db;

use crate::order::{Change, NewOrder};
use crate::store::{Inserted, StoreError};

#[path = "shared/read.rs"]
mod read;
#[path = "shared/records.rs"]
mod records;
#[path = "shared/rows.rs"]
mod rows;
#[path = "shared/store.rs"]
mod store;
#[path = "shared/write.rs"]
mod write;

pub use store::Store as SqliteOrderStore;

/// The steps of the schema.
pub const MIGRATIONS: Migrations = platform_sql::migrations!("migrations/sqlite", ["0001_orders"]);

/// The file is locked: nobody else can have an order of it.
const IS_EXCLUSIVE: bool = true;

/// The writer commits what waits together: it is the hot path.
type HotPath = Writer<Db>;

/// Opens the store on a database whose schema is up to date.
pub fn open(database: &Database) -> SqliteOrderStore {
    SqliteOrderStore {
        database: database.clone(),
        reader: database.reader(),
        writer: database.writer(),
        hot: database.writer(),
    }
}

async fn insert(store: &SqliteOrderStore, new: Arc<NewOrder>) -> Result<Inserted, StoreError> {
    let insert = store
        .hot
        .run(new, |connection, new| Box::pin(write::insert(connection, new)));
    insert.await
}

async fn change(store: &SqliteOrderStore, change: Change) -> Result<bool, StoreError> {
    let unit = store
        .hot
        .run(change, |connection, change| Box::pin(write::change(connection, change)));
    unit.await
}
