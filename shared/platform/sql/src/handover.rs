//! A schema on its way from a file to a server, while it is used.
//!
//! [`Handover::begin`] claims the empty schema on the server for the filling: a process that opens it waits until it is
//! filled. Triggers of the writer's own connection note which rows change from now on, so that nothing of them outlives the
//! process. [`Handover::copy`] copies a snapshot and compares it line by line; [`Handover::catch_up`] copies again what
//! changed meanwhile. [`Handover::complete`] freezes the writer, copies the last changes, compares counts, and hands the
//! schema over: the owner row of the file is the one decision, and what follows from it is [`finish`]ed by whoever comes next.
//! [`take_back`] undoes it as long as nothing was written on the other side.
//!
//! Where a process dies, the file is as it was until the decision, and the server's schema is filled anew by the next attempt.
//!
//! Two things are left out of the copy: the owner row, and what a service derives of its rows in a form of each engine (the
//! words of a search), which it makes anew as [`Derived`].

mod line;
mod source;
mod target;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use platform_clock::Clock;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::sqlite::SqliteDatabase;
use crate::{Error, OpenError, PostgresConfig, Schema};
use line::{Sum, Table};
use source::{Changes, Source};
use target::Target;

/// How long everything from the freeze to the decision may take; then the file goes on as it was.
const FREEZE: Duration = Duration::from_secs(5);
/// Changed rows that are copied at once.
const ROUND: u32 = 20_000;
/// Rounds that may fail because rows of different moments do not fit each other.
const ROUNDS: u32 = 5;

/// Whose a schema is, and whose it is to be, as the owner row names them.
#[derive(Debug, Clone, Copy)]
pub struct Owners {
    /// Who has the file.
    pub from: &'static str,
    /// Who will have the server's schema.
    pub to: &'static str,
}

/// What a service derives of its rows in a form of each engine.
#[async_trait]
pub trait Derived: Send + Sync {
    /// The table that holds it.
    fn table(&self) -> &'static str;

    /// The table it is made of; its key is one UUID.
    fn of(&self) -> &'static str;

    /// Makes it anew for these rows, of which some may be gone.
    async fn derive(&self, connection: &mut PgConnection, keys: &[Uuid]) -> Result<(), Error>;
}

/// Why a schema was not handed over. One line for an operator.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// The schema on the server.
    #[error("--to: the schema cannot be opened")]
    Open(#[from] OpenError),
    /// Either database, while it was worked with.
    #[error("a database failed; nothing was handed over")]
    Database(#[from] Error),
    /// Somebody works with the schema on the server.
    #[error("--to: schema {schema} belongs to {owner} already: drop it, or name another database")]
    Taken {
        /// Its name.
        schema: &'static str,
        /// As the owner row says.
        owner: String,
    },
    /// Another hand-over of the same schema is under way.
    #[error("--to: schema {0} is being filled by somebody else at this moment")]
    Busy(&'static str),
    /// The two engines do not have the same tables.
    #[error("table {0} is not the same in both databases: this is a bug")]
    Unlike(String),
    /// What was copied is not what was there.
    #[error("table {table} differs: here {here}, there {there}; nothing was handed over")]
    Differs {
        /// Which.
        table: String,
        /// Of the file.
        here: String,
        /// Of the server.
        there: String,
    },
    /// The freeze lasted too long.
    #[error("the last changes could not be copied within {} s; nothing was handed over", FREEZE.as_secs())]
    TooLong,
    /// The file belongs to its process.
    #[error("schema {0} was not handed over")]
    NotHandedOver(&'static str),
    /// The process on the other side still runs.
    #[error("{0} still runs on that schema: stop it first")]
    StillServed(&'static str),
    /// It is decided, and the server does not know yet.
    #[error("schema {schema} was handed over to {to}, which could not be told: run the same again")]
    Untold {
        /// Its name.
        schema: &'static str,
        /// To whom.
        to: &'static str,
        /// Why.
        source: Error,
    },
}

/// What a hand-over has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handed {
    /// Rows that are there now.
    pub rows: u64,
    /// Rows that were copied while the writer was frozen.
    pub in_freeze: u64,
    /// How long it was frozen until the decision.
    pub frozen: Duration,
}

/// A schema on its way. Dropped before it is completed, it leaves the file as it was.
pub struct Handover {
    source: Source,
    target: Target,
    tables: Vec<Table>,
    derived: Option<Arc<dyn Derived>>,
    changes: Changes,
    owners: Owners,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handover")
            .field("owners", &self.owners)
            .finish_non_exhaustive()
    }
}

impl Handover {
    /// Claims the schema on the server for the filling, empties it, and begins to watch the file.
    pub async fn begin(
        source: &SqliteDatabase,
        to: &PostgresConfig,
        schema: &Schema,
        owners: Owners,
        derived: Option<Arc<dyn Derived>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HandoverError> {
        let mut target = Target::open(to, schema, clock.clone()).await?;
        target.claim(owners.from, clock.now()).await?;
        let tables = target.tables(derived.as_deref()).await?;
        target.empty(&tables, derived.as_deref()).await?;
        let source = Source::watch(source, &tables).await?;
        Ok(Self {
            source,
            target,
            tables,
            derived,
            changes: Changes::default(),
            owners,
            clock,
        })
    }

    /// Copies everything as it is at one moment, and compares it. `progress` is told table and rows.
    pub async fn copy(&mut self, progress: &mut (dyn FnMut(&str, u64) + Send)) -> Result<u64, HandoverError> {
        self.source.look().await?;
        let mut rows = 0;
        for table in &mut self.tables {
            let here = self.target.fill(table, &mut self.source).await?;
            let there = self.target.sum(table).await?;
            equal(table, here, there)?;
            rows += here.rows;
            progress(&table.name, here.rows);
        }
        if let Some(derived) = &self.derived {
            let made = self.target.derive_all(&**derived).await?;
            progress(derived.table(), made);
        }
        self.target.analyse().await?;
        Ok(rows)
    }

    /// Copies what changed since the last time, and compares it. Answers how many rows that was; few means that the writer can
    /// be frozen.
    pub async fn catch_up(&mut self) -> Result<u64, HandoverError> {
        let mut failed = 0;
        loop {
            self.source.drain(ROUND, &mut self.changes).await?;
            self.source.look().await?;
            let derived = self.derived.as_deref();
            match self
                .target
                .apply(&mut self.tables, &mut self.source, &self.changes, derived)
                .await
            {
                Ok(rows) => {
                    self.changes.clear();
                    return Ok(rows);
                }
                // Rows of two moments: what one of them lost has not been seen yet. It has with the next changes.
                Err(HandoverError::Database(error)) if error.is_any_unique_violation() && failed < ROUNDS => {
                    failed += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether a process waits for the schema to be filled.
    pub async fn is_awaited(&mut self) -> Result<bool, HandoverError> {
        Ok(self.target.is_attended().await?)
    }

    /// Freezes the writer, copies the last changes, compares, decides, and tells the other side. The writer stays frozen: the
    /// schema is somebody else's from now on. After an error other than [`HandoverError::Untold`] the file goes on as it was.
    pub async fn complete(&mut self) -> Result<Handed, HandoverError> {
        let begun = tokio::time::Instant::now();
        let (rows, in_freeze, frozen) = tokio::time::timeout(FREEZE, async {
            let frozen = self.source.freeze().await?;
            let mut in_freeze = 0;
            loop {
                let copied = self.catch_up().await?;
                in_freeze += copied;
                if copied == 0 {
                    break;
                }
            }
            let mut rows = 0;
            for table in &self.tables {
                let (here, there) = (self.source.count(table).await?, self.target.count(table).await?);
                if here != there {
                    return Err(differs(table, format!("{here} rows"), format!("{there} rows")));
                }
                rows += here;
            }
            let places = self.source.places(&self.tables).await?;
            self.target.round_off(&places).await?;
            Ok((rows, in_freeze, frozen))
        })
        .await
        .map_err(|_| HandoverError::TooLong)??;
        let Owners { to, .. } = self.owners;
        self.source.hand_over(to, self.clock.now()).await?;
        frozen.keep();
        let took = begun.elapsed();
        self.target.tell(to, self.clock.now()).await?;
        Ok(Handed {
            rows,
            in_freeze,
            frozen: took,
        })
    }
}

impl Handover {
    /// Looks through the foreign keys of the new owner's tables, which hold for what it writes already. To be called when it
    /// serves; nothing depends on it.
    pub async fn validate(mut self) {
        if let Err(error) = self.target.validate().await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "foreign keys could not be validated");
        }
    }
}

/// Tells the other side of a decision that was made before this process began. Both sides are compared first.
pub async fn finish(
    source: &SqliteDatabase,
    to: &PostgresConfig,
    schema: &Schema,
    owners: Owners,
    derived: Option<&dyn Derived>,
    clock: Arc<dyn Clock>,
) -> Result<(), HandoverError> {
    let mut target = Target::open(to, schema, clock.clone()).await?;
    require_decision(source, schema, owners).await?;
    if target.owner().await?.as_deref() == Some(owners.to) {
        return Ok(());
    }
    compare(source, &mut target, derived).await?;
    target.tell(owners.to, clock.now()).await
}

/// Gives the schema back to the file, if nothing but the publishing of events was written on the other side, which must have
/// stopped.
pub async fn take_back(
    source: &SqliteDatabase,
    to: &PostgresConfig,
    schema: &Schema,
    owners: Owners,
    derived: Option<&dyn Derived>,
    clock: Arc<dyn Clock>,
) -> Result<(), HandoverError> {
    require_decision(source, schema, owners).await?;
    let mut target = Target::open(to, schema, clock.clone()).await?;
    if !target.keep_out().await? {
        return Err(HandoverError::StillServed(owners.to));
    }
    compare(source, &mut target, derived).await?;
    // Nobody may open either until the second is written; the same again goes on here.
    target.take_back(owners.from, clock.now()).await?;
    source.take_back(owners.from, clock.now()).await?;
    Ok(())
}

async fn require_decision(source: &SqliteDatabase, schema: &Schema, owners: Owners) -> Result<(), HandoverError> {
    if source.belongs_to(owners.to).await? {
        return Ok(());
    }
    Err(HandoverError::NotHandedOver(schema.service))
}

async fn compare(
    source: &SqliteDatabase,
    target: &mut Target,
    derived: Option<&dyn Derived>,
) -> Result<(), HandoverError> {
    let mut tables = target.tables(derived).await?;
    let mut source = Source::at_rest(source).await?;
    for table in &mut tables {
        // Both sides publish what was not published when the schema changed hands.
        table
            .columns
            .retain(|column| !(table.name == "outbox" && column.name == "published_at"));
        let (here, there) = (source.sum(table).await?, target.sum(table).await?);
        equal(table, here, there)?;
    }
    Ok(())
}

fn equal(table: &Table, here: Sum, there: Sum) -> Result<(), HandoverError> {
    if here == there {
        return Ok(());
    }
    Err(differs(table, here.to_string(), there.to_string()))
}

fn differs(table: &Table, here: String, there: String) -> HandoverError {
    HandoverError::Differs {
        table: table.name.clone(),
        here,
        there,
    }
}

/// The last number that was given out, by table and column.
type Places = BTreeMap<(String, String), i64>;
