//! One way to two databases: SQLite in a file, and Postgres.
//!
//! A service writes its SQL once. Each of its two dialect files names the engine, compiles the shared sources for it, and
//! holds what differs. Shared SQL gets a connection and never begins or commits: a [`Writer`] does, and decides how many
//! units share a commit. [`Reader`] is its counterpart for reads.
//!
//! Start reading at [`Writer`], then [`Database::open`]; [`handover`] moves a schema from a file to a server while it is used,
//! and [`backup`] copies files at one moment. What comes with every schema (migrated together with the
//! service's own tables): `outbox`, `inbox`, `dead_letters`, `idempotency` and `owner`, once per engine under [`sqlite`] and
//! [`postgres`]; a dialect file says `use platform_sql::sqlite as engine` and the shared source `engine::outbox::append`.
//!
//! ```
//! use platform_sql::{SqliteDatabase, Migrations};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path();
//! const MIGRATIONS: Migrations = Migrations::new(&[("0001_create", "CREATE TABLE note (text TEXT NOT NULL) STRICT")]);
//!
//! async fn add(connection: &mut sqlx::SqliteConnection, text: &str) -> Result<(), platform_sql::Error> {
//!     sqlx::query("INSERT INTO note (text) VALUES ($1)").bind(text).execute(connection).await?;
//!     Ok(())
//! }
//!
//! let database = SqliteDatabase::open(dir, "notes").await?;
//! database.migrate(&MIGRATIONS).await?;
//! let writer = database.writer();
//! writer.run("milk".to_owned(), |connection, text| Box::pin(add(connection, text))).await?;
//! database.close().await;
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # A store, whole
//! This is the one under `tests/it/shelf`, which the crate's tests run on both engines. `sqlite.rs`, all that is SQLite's
//! (`postgres.rs` differs in three names, and carries the `#[expect(clippy::duplicate_mod)]`):
//! ```ignore
#![doc = include_str!("../tests/it/shelf/sqlite.rs")]
//! ```
//! `shared/goods.rs`, the SQL of both:
//! ```ignore
#![doc = include_str!("../tests/it/shelf/shared/goods.rs")]
//! ```
//! `shared/store.rs`, the adapter of both:
//! ```ignore
#![doc = include_str!("../tests/it/shelf/shared/store.rs")]
//! ```
//! # The next thing
//! A table of the platform's own: a numbered file per engine under `ddl/`, named in `PLATFORM` of `sqlite.rs` and
//! `postgres.rs`; its SQL under `src/shared/`, named by `#[path]` in both; a test in `tests/it`.

pub mod backup;
mod batcher;
pub mod cursor;
mod error;
pub mod handover;
pub mod idempotency;
mod lock;
mod migrations;
mod open;
pub mod postgres;
mod reader;
pub mod schema;
pub mod sqlite;
#[cfg(feature = "testing")]
pub mod testing;
mod writer;

pub use batcher::Batcher;
pub use error::Error;
pub use lock::DataDirLock;
pub use migrations::Migrations;
pub use open::{Company, Database, DatabaseConfig, OpenError, OwnerError, PostgresConfig};
pub use postgres::PgDatabase;
pub use reader::Reader;
pub use schema::Schema;
pub use sqlite::SqliteDatabase;
pub use writer::{Engine, Writer};
