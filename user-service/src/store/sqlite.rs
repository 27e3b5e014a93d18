//! All that is SQLite's in this store.

use platform_sql::{Migrations, SqliteDatabase as Database, sqlite as engine};
use sqlx::Sqlite as Db;

#[path = "shared/store.rs"]
mod store;
#[path = "shared/users.rs"]
mod users;

pub use store::Store as SqliteUserStore;

/// The schema, step by step.
pub const MIGRATIONS: Migrations = platform_sql::migrations!("migrations/sqlite", ["0001_users"]);
