//! All that is Postgres' in this store.

use platform_sql::{Migrations, PgDatabase as Database, postgres as engine};
use sqlx::{PgConnection, Postgres as Db};
use values::UserId;

use crate::store::StoreError;

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

/// Until the commit nobody changes the account: what is read of it now still holds when a session of it is seen.
async fn hold_account(connection: &mut PgConnection, id: UserId) -> Result<(), StoreError> {
    let hold = sqlx::query("SELECT FROM accounts WHERE id = $1 FOR NO KEY UPDATE").bind(id.as_uuid());
    hold.execute(connection).await?;
    Ok(())
}
