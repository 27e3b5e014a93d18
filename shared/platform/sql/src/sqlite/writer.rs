//! SQLite's writer: one task, one connection, one commit for all that wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use platform_events::Wake;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Sqlite};
use tokio::sync::{mpsc, oneshot};

use crate::writer::{Engine, run_unit};
use crate::{Error, Writer};

/// Units that share a commit.
const MOST_UNITS: usize = 64;
/// Units that may wait.
const QUEUE: usize = 1_024;
/// How long a caller waits for room in the queue.
const ROOM_TIMEOUT: Duration = Duration::from_secs(5);

impl Engine for Sqlite {
    type Writing = Queue;
}

/// The way to the writer task.
#[derive(Debug, Clone)]
pub struct Queue {
    sender: mpsc::Sender<Message>,
    frozen: Arc<AtomicBool>,
}

enum Message {
    Unit(Box<dyn Job>),
    /// One that a frozen writer runs, too.
    UnitOfHandover(Box<dyn Job>),
    Freeze(oneshot::Sender<Frozen>),
    Close(oneshot::Sender<()>),
}

/// As long as it lives, units are answered `Unavailable`. What was asked for before is committed.
#[derive(Debug)]
pub(crate) struct Frozen(Arc<AtomicBool>);

impl Frozen {
    /// For good: the schema is somebody else's now.
    pub(crate) fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Writer<Sqlite> {
    /// Starts the writer task, which ends when the last writer is dropped or closed.
    pub(super) fn start(options: SqliteConnectOptions, connection: SqliteConnection) -> Self {
        let (sender, queue) = mpsc::channel(QUEUE);
        let wake = Wake::default();
        let frozen = Arc::<AtomicBool>::default();
        let task = Task {
            options,
            connection: Some(connection),
            wake: wake.clone(),
            frozen: frozen.clone(),
        };
        tokio::spawn(task.run(queue));
        Self {
            inner: Queue { sender, frozen },
            wake,
        }
    }

    /// Runs a unit of work; see [`Writer`].
    pub async fn run<In, T, E, F>(&self, input: In, unit: F) -> Result<T, E>
    where
        In: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Error> + std::error::Error + Send + 'static,
        F: for<'c> Fn(&'c mut SqliteConnection, &'c In) -> BoxFuture<'c, Result<T, E>> + Send + Sync + 'static,
    {
        self.ask(Message::Unit, input, unit).await
    }

    /// Runs a unit of a hand-over, also while the writer is frozen.
    pub(crate) async fn run_for_handover<In, T, F>(&self, input: In, unit: F) -> Result<T, Error>
    where
        In: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'c> Fn(&'c mut SqliteConnection, &'c In) -> BoxFuture<'c, Result<T, Error>> + Send + Sync + 'static,
    {
        self.ask(Message::UnitOfHandover, input, unit).await
    }

    async fn ask<In, T, E, F>(&self, message: fn(Box<dyn Job>) -> Message, input: In, unit: F) -> Result<T, E>
    where
        In: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Error> + std::error::Error + Send + 'static,
        F: for<'c> Fn(&'c mut SqliteConnection, &'c In) -> BoxFuture<'c, Result<T, E>> + Send + Sync + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Unit {
            input,
            unit,
            outcome: None,
            reply,
        };
        self.send(message(Box::new(job))).await?;
        answer.await.unwrap_or_else(|_| Err(gone().into()))
    }

    /// Commits what waits and refuses what comes, until what it answers is dropped. Refused while somebody else has frozen it.
    pub(crate) async fn freeze(&self) -> Result<Frozen, Error> {
        let (done, frozen) = oneshot::channel();
        self.send(Message::Freeze(done)).await?;
        frozen.await.map_err(|_| moving())
    }

    /// Commits what waits, then closes the connection. Units that come later are answered `Unavailable`.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.send(Message::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }

    /// Ends a freeze that was kept.
    pub(crate) fn thaw(&self) {
        self.inner.frozen.store(false, Ordering::Release);
    }

    async fn send(&self, message: Message) -> Result<(), Error> {
        self.inner
            .sender
            .send_timeout(message, ROOM_TIMEOUT)
            .await
            .map_err(|refused| match refused {
                mpsc::error::SendTimeoutError::Timeout(_) => Error::unavailable("too many writes are waiting"),
                mpsc::error::SendTimeoutError::Closed(_) => gone(),
            })
    }
}

fn moving() -> Error {
    Error::unavailable("the data are being moved")
}

fn gone() -> Error {
    Error::unavailable("the writer is closed")
}

/// A unit with its types forgotten.
#[async_trait]
trait Job: Send {
    /// Runs the unit.
    async fn run(&mut self, connection: &mut SqliteConnection) -> Done;

    /// Tells the caller, after the commit or its failure.
    fn answer(self: Box<Self>, committed: Result<(), Error>);
}

#[derive(Clone, Copy)]
struct Done {
    keep: bool,
    appended: bool,
}

struct Unit<In, T, E, F> {
    input: In,
    unit: F,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

#[async_trait]
impl<In, T, E, F> Job for Unit<In, T, E, F>
where
    In: Send + Sync + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    F: for<'c> Fn(&'c mut SqliteConnection, &'c In) -> BoxFuture<'c, Result<T, E>> + Send + Sync + 'static,
{
    async fn run(&mut self, connection: &mut SqliteConnection) -> Done {
        let (unit, input) = (&self.unit, &self.input);
        let ran = run_unit(connection, input, unit).await;
        let done = Done {
            keep: ran.outcome.is_ok(),
            appended: ran.outcome.is_ok() && ran.appended,
        };
        self.outcome = Some(ran.outcome);
        done
    }

    fn answer(self: Box<Self>, committed: Result<(), Error>) {
        let outcome = match (committed, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            (Ok(()), None) => Err(gone().into()),
            // A refusal, too, may have been decided on what is now undone.
            (Err(error), _) => Err(error.into()),
        };
        // The caller may be gone; its unit stays.
        let _ = self.reply.send(outcome);
    }
}

struct Task {
    options: SqliteConnectOptions,
    /// None after a failure that leaves the connection's state unknown; opened again for the next batch.
    connection: Option<SqliteConnection>,
    wake: Wake,
    frozen: Arc<AtomicBool>,
}

impl Task {
    async fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut messages = Vec::with_capacity(MOST_UNITS);
        let mut closing = Vec::new();
        while closing.is_empty() && queue.recv_many(&mut messages, MOST_UNITS).await > 0 {
            let mut units = Vec::with_capacity(messages.len());
            for message in messages.drain(..) {
                match message {
                    Message::Unit(unit) if self.frozen.load(Ordering::Acquire) => unit.answer(Err(moving())),
                    Message::Unit(unit) | Message::UnitOfHandover(unit) => units.push(unit),
                    Message::Freeze(done) => {
                        self.commit_together(std::mem::take(&mut units)).await;
                        if !self.frozen.swap(true, Ordering::AcqRel) {
                            // Not wanted any more, it is dropped at once, and with it the freeze ends.
                            let _ = done.send(Frozen(self.frozen.clone()));
                        }
                    }
                    Message::Close(done) => closing.push(done),
                }
            }
            self.commit_together(units).await;
        }
        queue.close();
        if let Some(connection) = self.connection {
            let _ = connection.close().await;
        }
        for done in closing {
            let _ = done.send(());
        }
    }

    async fn commit_together(&mut self, mut units: Vec<Box<dyn Job>>) {
        if units.is_empty() {
            return;
        }
        metrics::histogram!("sql_units_per_commit").record(f64::from(u32::try_from(units.len()).unwrap_or(u32::MAX)));
        match self.transaction(&mut units).await {
            Ok(appended) => {
                for unit in units {
                    unit.answer(Ok(()));
                }
                if appended {
                    self.wake.wake();
                }
            }
            Err(error) => {
                self.connection = None;
                tracing::warn!(error = %error, units = units.len(), "a commit failed");
                let why = error.to_string();
                for unit in units {
                    unit.answer(Err(Error::unavailable(why.clone())));
                }
            }
        }
    }

    /// Runs all units in one transaction; answers whether events were appended. After an error nothing is committed and
    /// the connection is not to be used again.
    async fn transaction(&mut self, units: &mut [Box<dyn Job>]) -> Result<bool, sqlx::Error> {
        let connection = match self.connection.take() {
            Some(connection) => self.connection.insert(connection),
            None => self.connection.insert(self.options.connect().await?),
        };
        if let [unit] = units {
            execute(connection, "BEGIN IMMEDIATE").await?;
            let done = unit.run(connection).await;
            execute(connection, if done.keep { "COMMIT" } else { "ROLLBACK" }).await?;
            return Ok(done.appended);
        }
        let mut appended = false;
        execute(connection, "BEGIN IMMEDIATE; SAVEPOINT unit").await?;
        for unit in units {
            let done = unit.run(connection).await;
            appended |= done.appended;
            execute(
                connection,
                if done.keep {
                    "RELEASE unit; SAVEPOINT unit"
                } else {
                    "ROLLBACK TO unit"
                },
            )
            .await?;
        }
        execute(connection, "COMMIT").await?;
        Ok(appended)
    }
}

/// Transaction control, sent as it is: as many statements as there are in one hop to the connection's thread.
async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sql).execute(connection).await?;
    Ok(())
}
