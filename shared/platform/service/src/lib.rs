//! What every process that keeps data does the same: where the data lie, and `migrate`.
//!
//! `platform-runtime` knows nothing of databases and `platform-sql` nothing of processes; this crate is where a main finds
//! both together.
//!
//! ```
//! use platform_runtime::settings::{FromSettings, Settings};
//! use platform_sql::DatabaseConfig;
//!
//! struct Config { database: DatabaseConfig }
//!
//! impl FromSettings for Config {
//!     fn load(settings: &mut Settings) -> Self {
//!         Self { database: platform_service::database(settings) }
//!     }
//! }
//!
//! let (config, _) = Settings::from_map([("DATA_DIR", "/var/lib/stoa")]).load::<Config>().unwrap();
//! assert_eq!(config.database, DatabaseConfig::SqliteDir("/var/lib/stoa".into()));
//! ```

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use platform_clock::{Clock, SystemClock};
use platform_runtime::command::{Migrate, Outcome};
use platform_runtime::settings::{Secret, Settings};
use platform_sql::{DatabaseConfig, Schema, schema};

/// Where the data lie: `DATABASE_URL`, else files under `DATA_DIR`.
pub fn database(settings: &mut Settings) -> DatabaseConfig {
    let data_dir: PathBuf = settings.get("DATA_DIR", "./data", "SQLite files, unless DATABASE_URL names a server");
    let url = settings.secret("DATABASE_URL", "postgres://.. or sqlite:<path>");
    let database = DatabaseConfig::from_settings(url.as_ref().map(Secret::expose), &data_dir);
    database.unwrap_or_else(|error| {
        settings.invalid("DATABASE_URL", error);
        DatabaseConfig::SqliteDir(data_dir)
    })
}

/// The command `migrate` for the schemas of a process.
pub async fn migrate(config: &DatabaseConfig, schemas: &[Schema], what: Migrate) -> Outcome {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    if what.provision {
        schema::provision(config, schemas).await?;
    }
    if !what.plan && !what.check {
        return Ok(schema::apply(config, schemas, &clock).await?);
    }
    let pending = schema::pending(config, schemas, &clock).await?;
    for step in &pending {
        writeln!(std::io::stdout(), "{step}")?;
    }
    match pending.len() {
        missing if what.check && missing > 0 => Err(format!("{missing} migrations are missing").into()),
        _ => Ok(()),
    }
}
