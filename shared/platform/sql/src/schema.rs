//! The schema of a service on either engine, and what the `migrate` command does with those of a process.

use std::sync::Arc;

use platform_clock::Clock;

use crate::{Database, DatabaseConfig, Error, Migrations, OpenError, postgres};

/// The steps of a service's schema.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// The service, which names schema, role and file.
    pub service: &'static str,
    /// On SQLite.
    pub sqlite: Migrations,
    /// On Postgres; the same numbers.
    pub postgres: Migrations,
}

impl Database {
    /// Applies what is missing.
    pub async fn migrate(&self, schema: &Schema) -> Result<(), Error> {
        match self {
            Self::Sqlite(database) => database.migrate(&schema.sqlite).await,
            Self::Postgres(database) => database.migrate(&schema.postgres).await,
        }
    }

    /// The names of the steps that are missing.
    pub async fn pending_migrations(&self, schema: &Schema) -> Result<Vec<&'static str>, Error> {
        match self {
            Self::Sqlite(database) => database.pending_migrations(&schema.sqlite).await,
            Self::Postgres(database) => database.pending_migrations(&schema.postgres).await,
        }
    }
}

/// Makes schemas and roles, and lets `login` work as them; needs a login that may. A data directory needs none.
pub async fn provision(config: &DatabaseConfig, schemas: &[Schema], login: Option<&str>) -> Result<(), OpenError> {
    if let DatabaseConfig::Postgres(server) = config {
        for schema in schemas {
            postgres::provision(&server.url, schema.service, login).await?;
        }
    }
    Ok(())
}

/// What is missing, one line a step: `product 0002_search`.
pub async fn pending(
    config: &DatabaseConfig,
    schemas: &[Schema],
    clock: &Arc<dyn Clock>,
) -> Result<Vec<String>, OpenError> {
    let mut lines = Vec::new();
    for schema in schemas {
        let database = Database::open(config, schema.service, clock.clone()).await?;
        let missing = database.pending_migrations(schema).await?;
        lines.extend(missing.into_iter().map(|name| format!("{} {name}", schema.service)));
        database.close().await;
    }
    Ok(lines)
}

/// Applies what is missing.
pub async fn apply(config: &DatabaseConfig, schemas: &[Schema], clock: &Arc<dyn Clock>) -> Result<(), OpenError> {
    for schema in schemas {
        let database = Database::open(config, schema.service, clock.clone()).await?;
        database.migrate(schema).await?;
        database.close().await;
    }
    Ok(())
}
