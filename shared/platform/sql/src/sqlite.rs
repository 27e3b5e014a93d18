//! All that is SQLite's: how a file is opened, and the shared sources compiled for it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Sqlite as Db, SqliteConnection};

use crate::idempotency::IdempotencyKey;
use crate::lock::DataDirLock;
use crate::{Error, Migrations, OpenError, Reader, Writer};

#[path = "shared/database.rs"]
mod database;
#[path = "shared/dead_letters.rs"]
pub mod dead_letters;
#[path = "shared/idempotency.rs"]
pub mod idempotency;
#[path = "shared/inbox.rs"]
pub mod inbox;
#[path = "shared/outbox.rs"]
pub mod outbox;
#[path = "shared/owner.rs"]
pub mod owner;
mod writer;

pub(crate) use writer::Frozen;

/// Connections that read. Each has a thread and a page cache of its own.
const READERS: u32 = 4;

const MARK_PUBLISHED: &str =
    "UPDATE outbox SET published_at = $1 WHERE seq IN (SELECT value FROM json_each($2)) AND published_at IS NULL";
/// How long after a row of an outbox got its number it can appear: one writer, so at once.
const SETTLES_AFTER: Duration = Duration::ZERO;
const MIGRATIONS_TABLE_EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations')";
const PLATFORM: &[(&str, &str)] = &[("1000001_platform", include_str!("../ddl/sqlite.sql"))];

/// How long the log grows, in pages, before it is copied to the file: 16 MB. Pages that are written again and again are copied
/// once.
const CHECKPOINT: u32 = 4096;
/// Memory for pages of a connection, in KiB.
const CACHE: u32 = 2048;
/// The same while much is written all over the indexes.
const BULK_CHECKPOINT: u32 = 32_768;
const BULK_CACHE: u32 = 65_536;

/// For a unit of many that write all over the indexes: no page is read and written twice a unit, and fewer are copied.
pub async fn begin_bulk(connection: &mut SqliteConnection) -> Result<(), Error> {
    set_room(connection, BULK_CACHE, BULK_CHECKPOINT).await
}

/// After the last of them: gives the memory back.
pub async fn end_bulk(connection: &mut SqliteConnection) -> Result<(), Error> {
    set_room(connection, CACHE, CHECKPOINT).await?;
    sqlx::raw_sql("PRAGMA shrink_memory").execute(connection).await?;
    Ok(())
}

async fn set_room(connection: &mut SqliteConnection, cache: u32, checkpoint: u32) -> Result<(), Error> {
    let set = format!("PRAGMA cache_size = -{cache}; PRAGMA wal_autocheckpoint = {checkpoint}");
    sqlx::raw_sql(AssertSqlSafe(set)).execute(connection).await?;
    Ok(())
}

/// A list of numbers as one bound value.
fn list(numbers: &[i64]) -> String {
    serde_json::Value::from(numbers).to_string()
}

/// One writer: no twin can run at the same time.
async fn lock_key(_: &mut SqliteConnection, _: &IdempotencyKey) -> Result<(), Error> {
    Ok(())
}

/// The name that shared sources know it by.
type Database = SqliteDatabase;

/// One service's database in a file.
#[derive(Debug, Clone)]
pub struct SqliteDatabase {
    reader: Reader<Db>,
    writer: Writer<Db>,
    options: SqliteConnectOptions,
    _lock: Option<Arc<DataDirLock>>,
}

impl SqliteDatabase {
    /// Opens `<dir>/<service>.db`, making both if they are not there. A second process on the directory is refused.
    pub async fn open(dir: &Path, service: &str) -> Result<Self, OpenError> {
        let lock = DataDirLock::acquire(dir).await?;
        Self::open_locked(&dir.join(format!("{service}.db")), lock).await
    }

    /// Opens one file by its path, for a process that holds a single service. Its directory is locked as well.
    pub async fn open_file(file: &Path) -> Result<Self, OpenError> {
        let dir = file
            .parent()
            .filter(|dir| !dir.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let lock = DataDirLock::acquire(dir).await?;
        Self::open_locked(file, lock).await
    }

    /// Opens `<dir>/<service>.db` for a command that only looks, beside the process that has the lock.
    pub async fn open_read_only(dir: &Path, service: &str) -> Result<Self, OpenError> {
        Self::open_file_read_only(&dir.join(format!("{service}.db"))).await
    }

    /// The same for one file by its path.
    pub async fn open_file_read_only(file: &Path) -> Result<Self, OpenError> {
        if !file.exists() {
            return Err(OpenError::Absent(file.to_owned()));
        }
        let options = options_of(file).read_only(true);
        Self::open_with(file, options.clone(), options, None).await
    }

    async fn open_locked(file: &Path, lock: Arc<DataDirLock>) -> Result<Self, OpenError> {
        let options = options_of(file);
        let writing = options
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // A process may have nowhere else to write to.
            .pragma("temp_store", "memory")
            .pragma("journal_size_limit", "67108864")
            .pragma("wal_autocheckpoint", CHECKPOINT.to_string());
        Self::open_with(file, options.read_only(true), writing, Some(lock)).await
    }

    async fn open_with(
        file: &Path,
        reading: SqliteConnectOptions,
        writing: SqliteConnectOptions,
        lock: Option<Arc<DataDirLock>>,
    ) -> Result<Self, OpenError> {
        let connection = writing.connect().await.map_err(|error| OpenError::File {
            file: file.to_owned(),
            source: error.into(),
        })?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(Duration::from_secs(5))
            .test_before_acquire(false)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_lazy_with(reading);
        Ok(Self {
            reader: readers.into(),
            writer: Writer::<Db>::start(writing.clone(), connection),
            options: writing,
            _lock: lock,
        })
    }

    /// Applies what is missing of a schema.
    pub async fn migrate(&self, migrations: &Migrations) -> Result<(), Error> {
        let mut connection = self.options.connect().await?;
        let applied = migrations.apply(PLATFORM, &mut connection).await;
        connection.close().await?;
        applied
    }

    /// Where it is.
    pub(crate) fn file(&self) -> &Path {
        self.options.get_filename()
    }

    /// For a connection of its own that reads.
    pub(crate) fn reading_options(&self) -> SqliteConnectOptions {
        options_of(self.options.get_filename()).read_only(true)
    }

    /// Commits what waits and closes the file, so that another process may open it. The writer is the last to go, for the last one
    /// copies the log to the file, which those that only read cannot.
    pub async fn close(&self) {
        self.reader.0.close().await;
        self.writer.close().await;
    }
}

fn options_of(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("cache_size", format!("-{CACHE}"))
        .disable_statement_logging()
}
