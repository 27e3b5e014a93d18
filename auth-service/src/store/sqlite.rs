//! All that is SQLite's in this store.

use platform_sql::{Migrations, SqliteDatabase as Database, sqlite as engine};
use sqlx::Sqlite as Db;

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
