//! What both kinds of database offer in the same way.

use std::sync::Arc;
use std::time::Duration;

use platform_clock::Clock;
use platform_events::{DeadLetters, Outbox, OutboxLog, Wake};
use sqlx::Connection;
use tokio_util::sync::CancellationToken;
use values::Timestamp;

use super::dead_letters::SqlDeadLetters;
use super::outbox::SqlOutbox;
use super::{Database, Db, MIGRATIONS_TABLE_EXISTS, PLATFORM, idempotency, inbox, owner};
use crate::{Error, Migrations, OwnerError, Reader, Writer};

/// How long an inbox remembers: a day longer than any outbox may publish again.
const INBOX_KEPT: Duration = Duration::from_hours(8 * 24);
/// How often old rows are deleted, and how many at once.
const HOUSEKEEPING: Duration = Duration::from_mins(10);
const STEP: u32 = 500;

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

    /// The outbox, for who reads along.
    pub fn outbox_log(&self) -> Arc<dyn OutboxLog> {
        Arc::new(SqlOutbox::new(self.reader(), self.writer()))
    }

    /// The dead letters of this service's subscriptions.
    pub fn dead_letters(&self) -> Arc<dyn DeadLetters> {
        Arc::new(SqlDeadLetters::new(self.reader(), self.writer()))
    }

    /// Whether the database answers; for readiness.
    pub async fn ping(&self) -> Result<(), Error> {
        let ping = self.reader.run((), |connection, ()| {
            Box::pin(async move { Ok(connection.ping().await?) })
        });
        ping.await
    }

    /// Claims the schema for a process that opens it as local; `setting` is what the refusal names.
    pub async fn claim_owner(&self, owner: &str, setting: &str, now: Timestamp) -> Result<(), OwnerError> {
        let claim = (owner.to_owned(), setting.to_owned(), now);
        let unit = self.writer.run(claim, |connection, (owner, setting, now)| {
            Box::pin(owner::claim(connection, owner, setting, *now))
        });
        unit.await
    }

    /// Hands the schema over; see [`owner`].
    pub async fn hand_over(&self, to: &str, now: Timestamp) -> Result<(), Error> {
        let unit = self.writer.run((to.to_owned(), now), |connection, (to, now)| {
            Box::pin(owner::hand_over(connection, to, *now))
        });
        unit.await
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

    /// Deletes what inbox and idempotency keys no longer need, in small steps, until told to stop. (The outbox is kept
    /// small by its relay.)
    pub async fn keep_house(&self, clock: Arc<dyn Clock>, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(HOUSEKEEPING))
            .await
            .is_some()
        {
            if let Err(error) = self.purge(clock.now()).await {
                tracing::warn!(error = %error, "old rows could not be purged");
            }
        }
    }

    /// One round of [`Self::keep_house`].
    pub async fn purge(&self, now: Timestamp) -> Result<(), Error> {
        loop {
            let purge = self.writer.run(now, |connection, &now| {
                Box::pin(async move {
                    let events = inbox::purge(connection, now.minus(INBOX_KEPT), STEP).await?;
                    let answers = idempotency::purge(connection, now.minus(crate::idempotency::KEPT), STEP).await?;
                    Ok::<_, Error>(events + answers)
                })
            });
            if purge.await? == 0 {
                return Ok(());
            }
        }
    }
}
