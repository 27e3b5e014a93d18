//! All that is Postgres' in this store.

use platform_sql::{Migrations, PgDatabase as Database, postgres as engine};
use sqlx::Postgres as Db;

#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/accounts.rs"]
mod accounts;
#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/keys.rs"]
mod keys;
#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/sessions.rs"]
mod sessions;
#[expect(clippy::duplicate_mod, reason = "one SQL source, compiled for each engine")]
#[path = "shared/store.rs"]
mod store;

pub use store::Store as PgAccountStore;

/// The schema, step by step.
pub const MIGRATIONS: Migrations = platform_sql::migrations!("migrations/postgres", ["0001_accounts"]);
