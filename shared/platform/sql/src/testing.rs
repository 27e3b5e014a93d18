//! Fresh databases for tests, and the macro that runs a suite on both engines.

use std::sync::Arc;

use platform_clock::{Clock, SystemClock};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};
use tempfile::TempDir;

use crate::{Database, DatabaseConfig, PostgresConfig};

/// Names a Postgres server with a superuser's login, on which every test gets a database of its own.
pub const SERVER: &str = "TEST_POSTGRES_URL";

/// A database that nobody else knows, and that goes away with this value.
#[derive(Debug)]
pub struct TestDatabase {
    config: DatabaseConfig,
    _dir: Option<TempDir>,
    _created: Option<Created>,
}

impl TestDatabase {
    /// An empty directory for SQLite files.
    pub fn sqlite() -> Self {
        let dir = tempfile::tempdir().expect("the temporary directory can be written");
        Self {
            config: DatabaseConfig::SqliteDir(dir.path().join("data")),
            _dir: Some(dir),
            _created: None,
        }
    }

    /// An empty database on the server that `TEST_POSTGRES_URL` names. Without that variable: none, after saying so; in CI
    /// a panic, so that nothing is left out unnoticed.
    pub async fn postgres() -> Option<Self> {
        let Some(server) = environment(SERVER) else {
            assert!(environment("CI").is_none(), "{SERVER} must be set in CI");
            eprintln!("skipped: {SERVER} is not set");
            return None;
        };
        let created = Created::on(&server).await;
        let options: PgConnectOptions = server.parse().expect("TEST_POSTGRES_URL is a postgres:// address");
        let url = options.database(&created.name).to_url_lossy().to_string();
        let config = PostgresConfig {
            max_connections: 8,
            ..PostgresConfig::new(url)
        };
        Some(Self {
            config: DatabaseConfig::Postgres(config),
            _dir: None,
            _created: Some(created),
        })
    }

    /// What a process would be given to open it.
    pub fn config(&self) -> &DatabaseConfig {
        &self.config
    }

    /// The same of a database on a server.
    pub fn server(&self) -> &PostgresConfig {
        match &self.config {
            DatabaseConfig::Postgres(server) => server,
            DatabaseConfig::SqliteDir(_) | DatabaseConfig::SqliteFile(_) => panic!("these are files"),
        }
    }

    /// Opens a service's schema; not migrated.
    pub async fn open(&self, service: &str) -> Database {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Database::open(&self.config, service, clock)
            .await
            .expect("a fresh database can be opened")
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where tests learn of their server"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A database on the server, dropped with its roles when the test ends.
#[derive(Debug)]
struct Created {
    server: String,
    name: String,
}

impl Created {
    async fn on(server: &str) -> Self {
        let name = format!("test_{}", SystemClock.new_id().simple());
        let mut connection = connect(server).await;
        execute(&mut connection, format!(r#"CREATE DATABASE "{name}""#)).await;
        Self {
            server: server.to_owned(),
            name,
        }
    }

    async fn remove(server: &str, name: &str) {
        let mut connection = connect(server).await;
        execute(&mut connection, format!(r#"DROP DATABASE "{name}" WITH (FORCE)"#)).await;
        let roles = sqlx::query_scalar("SELECT rolname::text FROM pg_roles WHERE starts_with(rolname::text, $1)");
        let roles: Vec<String> = roles
            .bind(format!("{name}_"))
            .fetch_all(&mut connection)
            .await
            .unwrap_or_default();
        for role in roles {
            execute(&mut connection, format!(r#"DROP ROLE "{role}""#)).await;
        }
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        let (server, name) = (std::mem::take(&mut self.server), std::mem::take(&mut self.name));
        // The test's own runtime is about to end and cannot be waited on from here.
        let removal = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime
                .expect("a runtime can be made")
                .block_on(Self::remove(&server, &name));
        });
        if removal.join().is_err() {
            eprintln!("a test database was left behind");
        }
    }
}

async fn connect(server: &str) -> PgConnection {
    let options: PgConnectOptions = server.parse().expect("TEST_POSTGRES_URL is a postgres:// address");
    options
        .disable_statement_logging()
        .connect()
        .await
        .expect("the server of TEST_POSTGRES_URL answers")
}

async fn execute(connection: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .expect("the login of TEST_POSTGRES_URL is a superuser's");
}

/// Runs a list of tests on both engines: `stores!("product", open_store, [a_test, another])`.
///
/// Each test is an `async fn(Store)` beside the call, where `open_store` is an `async fn(Database) -> Store` that
/// migrates and wraps the database. A test that is not in the list is dead code, and the compiler says so.
#[macro_export]
macro_rules! stores {
    ($service:literal, $open:ident, [$($test:ident),+ $(,)?]) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                let database = $crate::testing::TestDatabase::sqlite();
                super::$test(super::$open(database.open($service).await).await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $test() {
                let Some(database) = $crate::testing::TestDatabase::postgres().await else { return };
                super::$test(super::$open(database.open($service).await).await).await;
            })+
        }
    };
}
