//! All that is SQLite's in this store.

use platform_sql::{Migrations, SqliteDatabase as Database, sqlite as engine};
use sqlx::{Sqlite as Db, SqliteConnection};
use values::UserId;

use crate::store::StoreError;

#[path = "shared/accounts.rs"]
mod accounts;
#[path = "shared/keys.rs"]
mod keys;
#[path = "shared/sessions.rs"]
mod sessions;
#[path = "shared/store.rs"]
mod store;

pub use store::Store as SqliteAccountStore;

/// The schema, step by step.
pub const MIGRATIONS: Migrations = platform_sql::migrations!("migrations/sqlite", ["0001_accounts"]);

/// Nobody else writes before the commit.
async fn hold_account(_: &mut SqliteConnection, _: UserId) -> Result<(), StoreError> {
    Ok(())
}
