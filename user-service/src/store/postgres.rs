//! All that is Postgres' in this store.

use platform_sql::{Migrations, PgDatabase as Database, postgres as engine};
use sqlx::Postgres as Db;

#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/store.rs"]
mod store;
#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/users.rs"]
mod users;

pub use store::Store as PgUserStore;

/// The schema, step by step.
pub const MIGRATIONS: Migrations = platform_sql::migrations!("migrations/postgres", ["0001_users"]);
