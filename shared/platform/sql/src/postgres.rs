//! All that is Postgres': how a schema is opened, and the shared sources compiled for it.

use std::sync::Arc;
use std::time::Duration;

use platform_clock::Clock;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Postgres as Db};

use crate::idempotency::IdempotencyKey;
use crate::{Error, Migrations, OpenError, PostgresConfig, Reader, Writer};

#[expect(clippy::duplicate_mod, reason = "one source, compiled for each engine")]
#[path = "shared/database.rs"]
mod database;
#[expect(clippy::duplicate_mod, reason = "one source, compiled for each engine")]
#[path = "shared/dead_letters.rs"]
pub mod dead_letters;
#[expect(clippy::duplicate_mod, reason = "one source, compiled for each engine")]
#[path = "shared/idempotency.rs"]
pub mod idempotency;
#[expect(clippy::duplicate_mod, reason = "one source, compiled for each engine")]
#[path = "shared/inbox.rs"]
pub mod inbox;
#[expect(clippy::duplicate_mod, reason = "one source, compiled for each engine")]
#[path = "shared/outbox.rs"]
pub mod outbox;
#[expect(clippy::duplicate_mod, reason = "one source, compiled for each engine")]
#[path = "shared/owner.rs"]
pub mod owner;
mod presence;
mod provision;
mod writer;

pub use provision::provision;
pub(crate) use writer::acquire;

const MARK_PUBLISHED: &str = "UPDATE outbox SET published_at = $1 WHERE seq = ANY($2) AND published_at IS NULL";
const MIGRATIONS_TABLE_EXISTS: &str = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
const PLATFORM: &[(&str, &str)] = &[("1000001_platform", include_str!("../ddl/postgres.sql"))];

/// How long a statement may last, unless the request it is run for ends before.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// Set when a connection is made: how long a statement, a wait for a lock, and a transaction that does nothing may last.
const TIMEOUTS: [(&str, &str); 3] = [
    ("statement_timeout", "10s"),
    ("lock_timeout", "3s"),
    ("idle_in_transaction_session_timeout", "15s"),
];
/// Set when a connection for writing is made. What a unit reads and writes it names by key, so its plans are the same whatever the
/// values are, and good for a table of any size. Otherwise the server plans a statement anew for each length of a list; or keeps
/// reading all of a table that was empty when the statement was planned, until it is next analysed.
const BY_KEY: [(&str, &str); 4] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
];
/// How long after a row of an outbox got its number it can appear: what follows in its transaction are a few statements at the
/// most, and pauses between them; the server ends both.
const SETTLES_AFTER: Duration = Duration::from_secs(30);
/// How long a caller waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// A list of numbers as one bound value.
fn list(numbers: &[i64]) -> Vec<i64> {
    numbers.to_vec()
}

/// Until the transaction ends. Two keys with one hash wait for each other, and that is all.
async fn lock_key(connection: &mut PgConnection, key: &IdempotencyKey) -> Result<(), Error> {
    let lock = sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))");
    lock.bind(format!("{} {} {}", key.caller, key.route, key.key))
        .execute(connection)
        .await?;
    Ok(())
}

/// The name that shared sources know it by.
type Database = PgDatabase;

/// One service's schema on a server, seen as that service's role.
#[derive(Debug, Clone)]
pub struct PgDatabase {
    reader: Reader<Db>,
    writer: Writer<Db>,
    options: PgConnectOptions,
    session: Arc<str>,
    schema: Arc<str>,
    presence: presence::Presence,
}

impl PgDatabase {
    /// Connects as the service's role, which is made first if it is missing and the login may create roles.
    pub async fn connect(config: &PostgresConfig, service: &str, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let options = options_of(config, service)?;
        let names = provision::ensure(&options, service).await?;
        Ok(Self::open(config, options, &names, clock))
    }

    /// Connects as the service's role for a command that only looks: nothing is made, and the server refuses every write.
    pub async fn connect_read_only(
        config: &PostgresConfig,
        service: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let options = options_of(config, service)?.options([("default_transaction_read_only", "on")]);
        let names = provision::require(&options, service).await?;
        Ok(Self::open(config, options, &names, clock))
    }

    fn open(
        config: &PostgresConfig,
        options: PgConnectOptions,
        names: &provision::Names,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let options = options.options(TIMEOUTS);
        let session: Arc<str> = names.session().into();
        let pool = |most: u32, options: PgConnectOptions| {
            let session = Arc::clone(&session);
            PgPoolOptions::new()
                .max_connections(most.max(1))
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .test_before_acquire(false)
                .after_connect(move |connection, _| {
                    let session = Arc::clone(&session);
                    Box::pin(async move { set_session(connection, &session).await })
                })
                .connect_lazy_with(options)
        };
        // So that neither waits for the other's long work.
        let writing = config.max_connections / 2;
        Self {
            reader: pool(config.max_connections - writing, options.clone()).into(),
            writer: Writer::<Db>::new(pool(writing, options.clone().options(BY_KEY)), clock),
            options,
            session,
            schema: names.schema.as_str().into(),
            presence: presence::Presence::default(),
        }
    }

    /// Applies what is missing of the schema, after whoever is doing so already.
    pub async fn migrate(&self, migrations: &Migrations) -> Result<(), Error> {
        let mut connection = self.options.connect().await?;
        set_session(&mut connection, &self.session).await?;
        // Waits for another process' migration, but a table's users wait for ours 3 s at most (lock_timeout).
        sqlx::raw_sql("SET statement_timeout = '10min'; SET lock_timeout = '5min'")
            .execute(&mut connection)
            .await?;
        let lock = sqlx::query("SELECT pg_advisory_lock(hashtextextended($1, 0))").bind(&*self.schema);
        lock.execute(&mut connection).await?;
        sqlx::raw_sql("SET lock_timeout = '3s'")
            .execute(&mut connection)
            .await?;
        let applied = migrations.apply(PLATFORM, &mut connection).await;
        // Lets go of the lock as well.
        connection.close().await?;
        applied
    }

    /// A connection beside the pool.
    pub(crate) async fn own_connection(&self) -> Result<PgConnection, Error> {
        let mut connection = self.options.connect().await?;
        set_session(&mut connection, &self.session).await?;
        Ok(connection)
    }

    /// Whether a hand-over fills the schema at this moment: nobody may open it before it is done.
    pub async fn is_being_filled(&self) -> Result<bool, Error> {
        let look = self.reader.run((), |connection, ()| {
            Box::pin(async move {
                let exists: bool = sqlx::query_scalar("SELECT to_regclass('schema_owner') IS NOT NULL")
                    .fetch_one(&mut *connection)
                    .await?;
                let owner = if exists {
                    owner::present(connection).await?
                } else {
                    None
                };
                Ok::<_, Error>(owner.as_deref() == Some(owner::FILLER))
            })
        });
        look.await
    }

    /// Waits for what runs and closes the connections.
    pub async fn close(&self) {
        self.presence.end();
        self.reader.0.close().await;
        self.writer.close().await;
    }
}

fn options_of(config: &PostgresConfig, service: &str) -> Result<PgConnectOptions, OpenError> {
    let options: PgConnectOptions = config.url.parse().map_err(Error::from)?;
    Ok(options.application_name(service).disable_statement_logging())
}

async fn set_session(connection: &mut PgConnection, session: &str) -> Result<(), sqlx::Error> {
    // Made of names that `provision` has checked and quoted.
    sqlx::raw_sql(AssertSqlSafe(session)).execute(connection).await?;
    Ok(())
}
