//! The commands `backup` and `restore`, for embedded databases.
//!
//! A running shop is asked over its admin listener and goes on; without one the files are copied as they lie. With the databases go
//! the keys that auth's are sealed with: a backup is as secret as the data directory.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use auth_service::keys::KEY_FILE;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use clap::Args;
use platform_runtime::command::{Failure, Outcome};
use platform_sql::backup::backup as copy;
use platform_sql::{Database, DatabaseConfig, SqliteDatabase};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::operations::{self, Asked, Say};
use crate::shop::Shop;

/// The path of the operation.
const PATH: &str = "/backup";

/// Where to.
#[derive(Debug, Clone, Args)]
pub struct To {
    /// An empty directory, which is made if it is missing
    directory: PathBuf,
}

/// Where from.
#[derive(Debug, Clone, Args)]
pub struct From {
    /// What `backup` wrote
    directory: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Request {
    to: PathBuf,
}

/// Copies the databases of the shop.
pub async fn backup(config: &Config, To { directory }: To) -> Outcome {
    let dir = data_dir(config)?;
    // The shop may have been started elsewhere.
    let to = std::path::absolute(&directory)?;
    let request = Request { to: to.clone() };
    if operations::ask(config.host.admin_listen, PATH, &request).await? == Asked::Answered {
        return Ok(());
    }
    let mut databases = Vec::new();
    for schema in config.places.schemas() {
        databases.push(SqliteDatabase::open(dir, schema.service).await?);
    }
    let outcome = operations::do_here(|say| write(dir, &databases, &to, say)).await;
    for database in databases {
        database.close().await;
    }
    outcome
}

/// Puts a backup where no data are.
pub fn restore(config: &Config, From { directory }: &From) -> Outcome {
    let dir = data_dir(config)?;
    let is_database = |path: &Path| path.extension().is_some_and(|extension| extension == "db");
    let files = |dir: &Path| -> Result<Vec<PathBuf>, Failure> {
        let entries = fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
        Ok(paths?)
    };
    let mut from = files(directory)?;
    from.retain(|path| is_database(path) || path.ends_with(KEY_FILE));
    if !from.iter().any(|path| is_database(path)) {
        return Err(format!("{}: there is no backup", directory.display()).into());
    }
    fs::create_dir_all(dir)?;
    if let Some(there) = files(dir)?.iter().find(|path| is_database(path)) {
        return Err(format!("DATA_DIR: {} is there already: move it away first", there.display()).into());
    }
    for file in from {
        let to = dir.join(file.file_name().unwrap_or_default());
        fs::copy(&file, &to)?;
        fs::File::open(&to)?.sync_all()?;
        writeln!(std::io::stdout(), "restored {}", to.display())?;
    }
    writeln!(std::io::stdout(), "`stoa reconcile` says whether the books agree")?;
    Ok(())
}

/// The operation, for the admin listener.
#[expect(
    clippy::disallowed_methods,
    reason = "an operation of the process, not a route of the product"
)]
pub fn router(config: &Config, shop: Arc<Shop>) -> Router {
    Router::new()
        .route(PATH, post(answer))
        .with_state((Arc::new(config.clone()), shop))
}

async fn answer(
    State((config, shop)): State<(Arc<Config>, Arc<Shop>)>,
    Json(Request { to }): Json<Request>,
) -> Response {
    operations::answer("backup", |say| async move {
        let dir = data_dir(&config)?;
        let local = shop.local_databases().into_iter();
        let databases: Vec<SqliteDatabase> = local
            .filter_map(|database| match database {
                Database::Sqlite(database) => Some(database),
                Database::Postgres(_) => None,
            })
            .collect();
        write(dir, &databases, &to, say).await
    })
}

async fn write(dir: &Path, databases: &[SqliteDatabase], to: &Path, say: Say) -> Outcome {
    for copy in copy(databases, to).await? {
        let _ = say.send(format!("wrote {}", copy.display()));
    }
    let (key, to) = (dir.join(KEY_FILE), to.join(KEY_FILE));
    if key.exists() {
        fs::copy(&key, &to).map_err(|error| format!("{}: {error}", to.display()))?;
        let _ = say.send(format!("wrote {}, which opens auth's keys", to.display()));
    }
    Ok(())
}

fn data_dir(config: &Config) -> Result<&Path, Failure> {
    match &config.database {
        DatabaseConfig::SqliteDir(dir) => Ok(dir),
        DatabaseConfig::SqliteFile(_) | DatabaseConfig::Postgres(_) => {
            Err("DATABASE_URL: the data are on a server: pg_dump and pg_restore are for them".into())
        }
    }
}
