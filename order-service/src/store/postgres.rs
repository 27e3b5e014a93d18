//! All that is Postgres' in this store.

use std::sync::Arc;

use platform_sql::{Migrations, PgDatabase as Database, postgres as engine};
use sqlx::Postgres as Db;

use crate::order::{Change, NewOrder};
use crate::store::{Inserted, StoreError};

mod batch;
#[expect(clippy::duplicate_mod, reason = "one SQL source, monomorphic per database")]
#[path = "shared/read.rs"]
mod read;
#[expect(clippy::duplicate_mod, reason = "one SQL source, monomorphic per database")]
#[path = "shared/records.rs"]
mod records;
#[expect(clippy::duplicate_mod, reason = "one SQL source, monomorphic per database")]
#[path = "shared/rows.rs"]
mod rows;
#[expect(clippy::duplicate_mod, reason = "one SQL source, monomorphic per database")]
#[path = "shared/store.rs"]
mod store;
#[expect(clippy::duplicate_mod, reason = "one SQL source, monomorphic per database")]
#[path = "shared/write.rs"]
mod write;

pub use store::Store as PgOrderStore;

/// The steps of the schema.
pub const MIGRATIONS: Migrations =
    platform_sql::migrations!("migrations/postgres", ["0001_orders", "0002_room_for_names"]);

/// Other replicas may be at work.
const IS_EXCLUSIVE: bool = false;

type HotPath = batch::Batches;

/// Opens the store on a database whose schema is up to date.
pub fn open(database: &Database) -> PgOrderStore {
    let (reader, writer) = (database.reader(), database.writer());
    let hot = batch::Batches::start(&writer);
    PgOrderStore {
        database: database.clone(),
        reader,
        writer,
        hot,
    }
}

async fn insert(store: &PgOrderStore, new: Arc<NewOrder>) -> Result<Inserted, StoreError> {
    store.hot.inserts.run(new).await
}

async fn change(store: &PgOrderStore, change: Change) -> Result<bool, StoreError> {
    store.hot.changes.run(Arc::new(change)).await
}
