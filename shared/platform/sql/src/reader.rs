//! The way to read.

use futures::future::BoxFuture;
use sqlx::{PgConnection, PgPool, Pool, Postgres, Sqlite, SqliteConnection, SqlitePool};

use crate::Error;
use crate::error::connection_is_dead;
use crate::postgres::acquire;

/// Runs reads on a pool of connections. On SQLite these cannot write and never wait for the writer.
///
/// A read may run twice: once more when it met a connection that had died in the pool.
#[derive(Debug)]
pub struct Reader<DB: sqlx::Database>(pub(crate) Pool<DB>);

impl<DB: sqlx::Database> Reader<DB> {
    /// The pool, for what needs a stream of rows.
    pub fn pool(&self) -> &Pool<DB> {
        &self.0
    }
}

// Not derived: that would ask for an engine that is `Clone`.
impl<DB: sqlx::Database> Clone for Reader<DB> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl From<SqlitePool> for Reader<Sqlite> {
    fn from(pool: SqlitePool) -> Self {
        Self(pool)
    }
}

impl From<PgPool> for Reader<Postgres> {
    fn from(pool: PgPool) -> Self {
        Self(pool)
    }
}

impl Reader<Sqlite> {
    /// Runs a read; same shape as [`Writer::run`](crate::Writer).
    pub async fn run<In, T, E, F>(&self, input: In, read: F) -> Result<T, E>
    where
        In: Send + Sync,
        T: Send,
        E: From<Error> + std::error::Error + Send + 'static,
        F: for<'c> Fn(&'c mut SqliteConnection, &'c In) -> BoxFuture<'c, Result<T, E>> + Send + Sync,
    {
        let mut connection = self.0.acquire().await.map_err(Error::from)?;
        read(&mut connection, &input).await
    }
}

impl Reader<Postgres> {
    /// Runs a read; same shape as [`Writer::run`](crate::Writer).
    pub async fn run<In, T, E, F>(&self, input: In, read: F) -> Result<T, E>
    where
        In: Send + Sync,
        T: Send,
        E: From<Error> + std::error::Error + Send + 'static,
        F: for<'c> Fn(&'c mut PgConnection, &'c In) -> BoxFuture<'c, Result<T, E>> + Send + Sync,
    {
        let mut connection = acquire(&self.0, false).await.map_err(Error::from)?;
        match read(&mut connection, &input).await {
            Err(error) if connection_is_dead(&error) => connection.close_on_drop(),
            other => return other,
        }
        drop(connection);
        let mut connection = acquire(&self.0, true).await.map_err(Error::from)?;
        read(&mut connection, &input).await
    }
}
