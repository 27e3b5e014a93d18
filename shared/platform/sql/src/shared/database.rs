//! What both kinds of database offer in the same way.

use std::sync::Arc;

use platform_events::{DeadLetters, Outbox, Wake};
use sqlx::Connection;

use super::{Database, Db, MIGRATIONS_TABLE_EXISTS, PLATFORM, dead_letters::SqlDeadLetters, outbox::SqlOutbox};
use crate::{Error, Migrations, Reader, Writer};

impl Database {
    /// For reading.
    pub fn reader(&self) -> Reader<Db> {
        self.reader.clone()
    }

    /// For writing.
    pub fn writer(&self) -> Writer<Db> {
        self.writer.clone()
    }

    /// What is woken when a unit with events has committed.
    pub fn wake(&self) -> Wake {
        self.writer.wake().clone()
    }

    /// The read side of the outbox, for a relay.
    pub fn outbox(&self) -> Arc<dyn Outbox> {
        Arc::new(SqlOutbox::new(self.reader(), self.writer()))
    }

    /// The dead letters of this service's subscriptions.
    pub fn dead_letters(&self) -> Arc<dyn DeadLetters> {
        Arc::new(SqlDeadLetters::new(self.reader(), self.writer()))
    }

    /// Whether the database answers; for readiness.
    pub async fn ping(&self) -> Result<(), Error> {
        let ping = self.reader.run((), |connection, ()| {
            Box::pin(async move { Ok::<_, Error>(connection.ping().await?) })
        });
        ping.await
    }

    /// The names of the migrations that the schema lacks; empty means that it is as new as this binary needs.
    pub async fn pending_migrations(&self, migrations: &Migrations) -> Result<Vec<&'static str>, Error> {
        let applied = self.reader.run((), |connection, ()| {
            Box::pin(async move {
                let exists: bool = sqlx::query_scalar(MIGRATIONS_TABLE_EXISTS)
                    .fetch_one(&mut *connection)
                    .await?;
                if !exists {
                    return Ok(Vec::new());
                }
                let applied = sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success");
                Ok::<Vec<i64>, Error>(applied.fetch_all(connection).await?)
            })
        });
        Ok(migrations.without(PLATFORM, &applied.await?))
    }
}
