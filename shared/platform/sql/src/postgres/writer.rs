//! Postgres' writer: a transaction a unit.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use platform_clock::Clock;
use platform_context::RequestContext;
use platform_events::Wake;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Postgres};

use crate::error::{connection_is_dead, lost_a_race};
use crate::postgres::STATEMENT_TIMEOUT;
use crate::writer::{Engine, run_unit};
use crate::{Error, Reader, Writer};

/// How often a unit may lose a race before its caller hears `Unavailable`.
const ATTEMPTS: u32 = 6;
/// How long a begin, a commit or a ping may take.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(10);

impl Engine for Postgres {
    type Writing = Transactions;
}

/// Where transactions are made, and the chance that keeps those that met apart.
#[derive(Clone)]
pub struct Transactions {
    pool: PgPool,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Transactions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Transactions").field(&self.pool).finish()
    }
}

/// Where a unit stopped: what happened before its commit certainly left no trace.
enum Stopped<E> {
    BeforeCommit(E),
    AtCommit(E),
}

impl Transactions {
    fn pause(&self, attempt: u32) -> Duration {
        Duration::from_millis(10).mul_f64(f64::from(attempt) * self.clock.fraction())
    }
}

impl Writer<Postgres> {
    pub(super) fn new(pool: PgPool, clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: Transactions { pool, clock },
            wake: Wake::default(),
        }
    }

    /// Runs a unit of work; see [`Writer`].
    pub async fn run<In, T, E, F>(&self, input: In, unit: F) -> Result<T, E>
    where
        In: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Error> + std::error::Error + Send + 'static,
        F: for<'c> Fn(&'c mut PgConnection, &'c In) -> BoxFuture<'c, Result<T, E>> + Send + Sync + 'static,
    {
        let mut tested = false;
        let mut attempt = 1;
        loop {
            let again = match self.once(tested, &input, &unit).await {
                Ok(value) => return Ok(value),
                Err(Stopped::AtCommit(error)) if !lost_a_race(&error) => return Err(error),
                Err(Stopped::BeforeCommit(error) | Stopped::AtCommit(error)) => error,
            };
            if attempt < ATTEMPTS && lost_a_race(&again) {
                tokio::time::sleep(self.inner.pause(attempt)).await;
            } else if !tested && connection_is_dead(&again) {
                tested = true;
            } else {
                return Err(again);
            }
            attempt += 1;
        }
    }

    /// Runs one statement that is atomic by itself and bears being repeated: it needs no transaction, which would cost two round
    /// trips more. It may run twice, where its answer is lost; who is woken by events has to be woken by the caller.
    pub async fn run_statement<In, T, E, F>(&self, input: In, statement: F) -> Result<T, E>
    where
        In: Send + Sync,
        T: Send,
        E: From<Error> + std::error::Error + Send + 'static,
        F: for<'c> Fn(&'c mut PgConnection, &'c In) -> BoxFuture<'c, Result<T, E>> + Send + Sync,
    {
        Reader::from(self.inner.pool.clone()).run(input, statement).await
    }

    /// Waits for what runs and closes the connections.
    pub async fn close(&self) {
        self.inner.pool.close().await;
    }

    async fn once<In, T, E, F>(&self, tested: bool, input: &In, unit: &F) -> Result<T, Stopped<E>>
    where
        In: Sync,
        T: Send,
        E: From<Error> + Send,
        F: for<'c> Fn(&'c mut PgConnection, &'c In) -> BoxFuture<'c, Result<T, E>> + Sync,
    {
        let before = |error: sqlx::Error| Stopped::BeforeCommit(Error::from(error).into());
        let mut connection = acquire(&self.inner.pool, tested).await.map_err(before)?;
        let mut transaction = within(connection.begin_with(begin())).await.map_err(before)?;
        let ran = run_unit(&mut *transaction, input, unit).await;
        let value = match ran.outcome {
            Ok(value) => value,
            Err(error) => {
                // If this fails the connection is broken, and the server has rolled back by itself.
                let _ = within(transaction.rollback()).await;
                return Err(Stopped::BeforeCommit(error));
            }
        };
        let committed = within(transaction.commit()).await;
        committed.map_err(|error| Stopped::AtCommit(Error::from(error).into()))?;
        if ran.appended {
            self.wake.wake();
        }
        Ok(value)
    }
}

/// Begins a transaction whose statements end with the request they are run for: nobody waits for them any longer, and they
/// would keep their connection and their locks. One simple query, so that it costs no round trip of its own. The session's
/// time-out holds where it is the shorter, and for reads, which have no transaction.
fn begin() -> AssertSqlSafe<String> {
    let left = RequestContext::current().and_then(|context| context.remaining());
    let Some(left) = left.filter(|left| *left < STATEMENT_TIMEOUT) else {
        return AssertSqlSafe("BEGIN".to_owned());
    };
    // Zero would mean no time-out at all.
    let millis = left.as_millis().max(1);
    AssertSqlSafe(format!("BEGIN; SET LOCAL statement_timeout = {millis}"))
}

/// The server's own time-outs are of no use when it cannot be reached.
async fn within<T>(exchange: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let timed_out = || sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    tokio::time::timeout(EXCHANGE_TIMEOUT, exchange)
        .await
        .unwrap_or_else(|_| Err(timed_out()))
}

/// A connection from the pool, which does not look whether they are alive; with `tested` one that was asked just now.
pub(crate) async fn acquire(pool: &PgPool, tested: bool) -> Result<PoolConnection<Postgres>, sqlx::Error> {
    loop {
        let mut connection = pool.acquire().await?;
        if !tested || within(connection.ping()).await.is_ok() {
            return Ok(connection);
        }
        // Each turn takes a dead connection out of the pool; a new one was greeted by the server.
        connection.close_on_drop();
    }
}
