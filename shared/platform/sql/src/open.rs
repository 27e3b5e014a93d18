//! Which database a service works on, and what may stop it from being opened.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use platform_clock::Clock;
use platform_events::{DeadLetters, Outbox, OutboxLog, Wake};
use tokio_util::sync::CancellationToken;
use values::Timestamp;

use crate::{Error, PgDatabase, Schema, SqliteDatabase};

/// Where a process keeps its data; made from the settings `DATABASE_URL` and `DATA_DIR`.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseConfig {
    /// One file a service in a directory.
    SqliteDir(PathBuf),
    /// One file, for a process with a single service.
    SqliteFile(PathBuf),
    /// A schema and a role per service on a server.
    Postgres(PostgresConfig),
}

/// A Postgres server as this process reaches it.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresConfig {
    /// `postgres://user:password@host/database`; never shown.
    pub url: String,
    /// Connections a service may open, half of them for writing.
    pub max_connections: u32,
}

impl PostgresConfig {
    /// With the usual number of connections.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 10,
        }
    }
}

impl DatabaseConfig {
    /// Whether the data are files of this process, which no other may write.
    pub fn is_embedded(&self) -> bool {
        matches!(self, Self::SqliteDir(_) | Self::SqliteFile(_))
    }

    /// `database_url` if there is one, else a directory. `sqlite:<path>` names a file where it ends in `.db` or `.sqlite`,
    /// else a directory. The error is one line for an operator and shows no password.
    pub fn from_settings(database_url: Option<&str>, data_dir: &Path) -> Result<Self, String> {
        let Some(url) = database_url.map(str::trim).filter(|url| !url.is_empty()) else {
            return Ok(Self::SqliteDir(data_dir.to_owned()));
        };
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return match url.parse::<sqlx::postgres::PgConnectOptions>() {
                Ok(_) => Ok(Self::Postgres(PostgresConfig::new(url))),
                Err(_) => Err("it is not a valid postgres:// address".to_owned()),
            };
        }
        let Some(path) = url.strip_prefix("sqlite:") else {
            return Err("it must begin with postgres:// or sqlite:".to_owned());
        };
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.starts_with(':') || path.contains('?') {
            return Err("it must name a file or a directory after sqlite:".to_owned());
        }
        let path = PathBuf::from(path);
        let is_file = path
            .extension()
            .is_some_and(|extension| extension == "db" || extension == "sqlite");
        Ok(if is_file {
            Self::SqliteFile(path)
        } else {
            Self::SqliteDir(path)
        })
    }
}

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// As `config` prints it: without the password.
impl fmt::Display for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SqliteDir(path) | Self::SqliteFile(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(config) => write!(f, "{config:?}"),
        }
    }
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.url.parse::<sqlx::postgres::PgConnectOptions>() {
            Ok(options) => write!(
                f,
                "postgres://{}:***@{}:{}/{}",
                options.get_username(),
                options.get_host(),
                options.get_port(),
                options.get_database().unwrap_or_default()
            ),
            Err(_) => f.write_str("postgres://***"),
        }
    }
}

/// Why a database could not be opened. One line for an operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the directory.
    #[error("DATA_DIR: {} is in use by another process ({holder}): stop it, or name another directory", dir.display())]
    InUse {
        /// As it was given.
        dir: PathBuf,
        /// The other process' id, if it is known.
        holder: String,
    },
    /// The directory cannot be made or used.
    #[error("DATA_DIR: {} cannot be used", dir.display())]
    Directory {
        /// As it was given.
        dir: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A file cannot be made or read.
    #[error("DATA_DIR: the database {} cannot be opened", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        source: Error,
    },
    /// Whoever only looks finds nothing there.
    #[error("DATA_DIR: there is no database {}", .0.display())]
    Absent(PathBuf),
    /// The schema is not as new as this binary needs, and whoever asks may not change it.
    #[error("schema {schema} lacks {}: run `migrate`", missing.join(", "))]
    Outdated {
        /// The service's schema.
        schema: &'static str,
        /// The steps.
        missing: Vec<&'static str>,
    },
    /// The schema or its role is missing and this login may not make them.
    #[error(
        "DATABASE_URL: schema {schema} with role {role} is missing, or this login is not a member of the role: \
         run `migrate --provision` with a login that may create roles"
    )]
    NotProvisioned {
        /// The service's schema.
        schema: String,
        /// The service's role.
        role: String,
    },
    /// A name that cannot be one of a schema and a role.
    #[error(
        "{0} cannot name a schema: lower-case letters, digits and _ only, at most 63 bytes with the database's name"
    )]
    BadName(String),
    /// The server.
    #[error("DATABASE_URL: the database cannot be opened")]
    Database(#[from] Error),
}

/// Why a process may not open a schema as local.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// It belongs to somebody else now.
    #[error("this schema was handed over to {to} and must not be opened here any more: set {setting}")]
    HandedOver {
        /// The present owner.
        to: String,
        /// What to set instead.
        setting: String,
    },
    /// It is being filled by a hand-over.
    #[error("this schema is being filled by `stoa extract` and cannot be opened before it is done")]
    Filling,
    /// The row could not be read or written.
    #[error(transparent)]
    Database(#[from] Error),
}

/// Whom a process that serves a schema has beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// It would not hear what others do: it must be alone.
    Nobody,
    /// Events go between processes: there may be others.
    Others,
}

/// A database of either kind; a service makes the store that fits.
#[derive(Debug, Clone)]
pub enum Database {
    /// In a file.
    Sqlite(SqliteDatabase),
    /// On a server.
    Postgres(PgDatabase),
}

/// The same call on whichever it is.
macro_rules! either {
    ($database:expr, $it:ident => $call:expr) => {
        match $database {
            Database::Sqlite($it) => $call,
            Database::Postgres($it) => $call,
        }
    };
}

impl Database {
    /// Opens a service's database. On Postgres this provisions schema and role if they are missing and the login may.
    pub async fn open(config: &DatabaseConfig, service: &str, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Ok(match config {
            DatabaseConfig::SqliteDir(dir) => Self::Sqlite(SqliteDatabase::open(dir, service).await?),
            DatabaseConfig::SqliteFile(file) => Self::Sqlite(SqliteDatabase::open_file(file).await?),
            DatabaseConfig::Postgres(config) => Self::Postgres(PgDatabase::connect(config, service, clock).await?),
        })
    }

    /// Opens a service's database for a command that only looks, also while a shop works on it: nothing is made, no lock is
    /// taken, and the engine refuses every write. The schema must be as new as this binary needs.
    pub async fn open_read_only(
        config: &DatabaseConfig,
        schema: &Schema,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let database = match config {
            DatabaseConfig::SqliteDir(dir) => Self::Sqlite(SqliteDatabase::open_read_only(dir, schema.service).await?),
            DatabaseConfig::SqliteFile(file) => Self::Sqlite(SqliteDatabase::open_file_read_only(file).await?),
            DatabaseConfig::Postgres(config) => {
                Self::Postgres(PgDatabase::connect_read_only(config, schema.service, clock).await?)
            }
        };
        database.require(schema).await?;
        Ok(database)
    }

    /// Refuses a schema that is older than this binary needs.
    pub async fn require(&self, schema: &Schema) -> Result<(), OpenError> {
        let missing = self.pending_migrations(schema).await?;
        if missing.is_empty() {
            return Ok(());
        }
        Err(OpenError::Outdated {
            schema: schema.service,
            missing,
        })
    }

    /// What is woken when a unit with events has committed.
    pub fn wake(&self) -> Wake {
        either!(self, it => it.wake())
    }

    /// The read side of the outbox, for a relay.
    pub fn outbox(&self) -> Arc<dyn Outbox> {
        either!(self, it => it.outbox())
    }

    /// The outbox, for who reads along.
    pub fn outbox_log(&self) -> Arc<dyn OutboxLog> {
        either!(self, it => it.outbox_log())
    }

    /// The dead letters of this service's subscriptions.
    pub fn dead_letters(&self) -> Arc<dyn DeadLetters> {
        either!(self, it => it.dead_letters())
    }

    /// Whether the database answers; for readiness.
    pub async fn ping(&self) -> Result<(), Error> {
        either!(self, it => it.ping().await)
    }

    /// Notes that this process serves the schema, until it is closed. `false`: somebody is there who must be alone, or this process
    /// must be and is not. A file is one process' in any case.
    pub async fn attend(&self, company: Company) -> Result<bool, Error> {
        match self {
            Self::Sqlite(_) => Ok(true),
            Self::Postgres(database) => database.attend(company).await,
        }
    }

    /// Whether a hand-over fills the schema at this moment.
    pub async fn is_being_filled(&self) -> Result<bool, Error> {
        match self {
            Self::Sqlite(_) => Ok(false),
            Self::Postgres(database) => database.is_being_filled().await,
        }
    }

    /// Claims the schema for a process that opens it as local; `setting` is what the refusal names.
    pub async fn claim_owner(&self, owner: &str, setting: &str, now: Timestamp) -> Result<(), OwnerError> {
        either!(self, it => it.claim_owner(owner, setting, now).await)
    }

    /// Hands the schema over: whoever else claims it from now on is refused.
    pub async fn hand_over(&self, to: &str, now: Timestamp) -> Result<(), Error> {
        either!(self, it => it.hand_over(to, now).await)
    }

    /// Deletes what is not needed any more, in small steps, until told to stop.
    pub async fn keep_house(&self, clock: Arc<dyn Clock>, stop: CancellationToken) {
        either!(self, it => it.keep_house(clock, stop).await);
    }

    /// Commits what waits and closes every connection.
    pub async fn close(&self) {
        either!(self, it => it.close().await);
    }
}
