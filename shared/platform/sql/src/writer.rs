//! The one way to write.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use platform_events::Wake;

use crate::Error;

/// How long one unit may hold its connection.
pub(crate) const UNIT_TIMEOUT: Duration = Duration::from_secs(30);

mod sealed {
    pub trait Sealed {}
    impl Sealed for sqlx::Sqlite {}
    impl Sealed for sqlx::Postgres {}
}

/// A database engine that a [`Writer`] knows: [`sqlx::Sqlite`] and [`sqlx::Postgres`].
pub trait Engine: sqlx::Database + sealed::Sealed {
    /// What a writer holds.
    #[doc(hidden)]
    type Writing: Clone + std::fmt::Debug + Send + Sync + 'static;
}

/// Runs units of work, each all or nothing, and answers when they are durable.
///
/// A unit is a function of a connection and an input. It never begins or commits. It returns `Ok` to commit and `Err` to
/// undo what it did, and nothing else; a panic undoes it as well. It may run more than once, so it touches the database
/// and nothing else.
///
/// - SQLite: one task owns the one connection that writes. What waits is committed together, up to 64 units, each in a
///   savepoint of its own (a unit alone has none). A unit goes on when its caller is gone.
/// - Postgres: a transaction, run again when it loses a race (40001, 40P01) or meets a connection that died in the pool.
///   It is undone when its caller is gone.
///
/// Both have the same `run`, so that one source of SQL serves both engines; see the crate's documentation.
#[derive(Debug)]
pub struct Writer<DB: Engine> {
    pub(crate) inner: DB::Writing,
    pub(crate) wake: Wake,
}

// Not derived: that would ask for an engine that is `Clone`.
impl<DB: Engine> Clone for Writer<DB> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            wake: self.wake.clone(),
        }
    }
}

impl<DB: Engine> Writer<DB> {
    /// What a committed unit with events wakes: give it to the [`Relay`](platform_events::Relay).
    pub fn wake(&self) -> &Wake {
        &self.wake
    }
}

/// What came of a unit before its commit.
pub(crate) struct Ran<T, E> {
    pub(crate) outcome: Result<T, E>,
    /// It appended events.
    pub(crate) appended: bool,
}

tokio::task_local! {
    static APPENDED: Cell<bool>;
}

/// Called by `outbox::append`: the relay is to be woken when this unit has committed.
pub(crate) fn events_appended() {
    // Outside a writer (a test on a bare connection) nobody waits for it.
    let _ = APPENDED.try_with(|appended| appended.set(true));
}

/// Runs a unit within its time, catching panics.
pub(crate) async fn run_unit<C, In, T, E, F>(connection: &mut C, input: &In, unit: &F) -> Ran<T, E>
where
    C: Send,
    In: Sync,
    T: Send,
    E: From<Error> + Send,
    F: for<'c> Fn(&'c mut C, &'c In) -> BoxFuture<'c, Result<T, E>> + Sync,
{
    // Within an async block, so that a panic before the first await is caught too.
    let work = async move { unit(connection, input).await };
    let guarded = tokio::time::timeout(UNIT_TIMEOUT, AssertUnwindSafe(work).catch_unwind());
    let watched = async {
        let result = guarded.await;
        (result, APPENDED.with(Cell::get))
    };
    let (result, appended) = APPENDED.scope(Cell::new(false), watched).await;
    let outcome = match result {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => Err(Error::fault("a unit of work panicked").into()),
        Err(_elapsed) => Err(Error::unavailable("a unit of work took too long").into()),
    };
    Ran { outcome, appended }
}
