//! Dead letters in the schema of the service whose subscription gave up on them.

use async_trait::async_trait;
use platform_events::{DeadLetter, DeadLetters, Event, StorageError};
use sqlx::Database;
use uuid::Uuid;
use values::Timestamp;

use super::Db;
use crate::{Error, Reader, Writer};

/// The letters of one schema.
#[derive(Debug, Clone)]
pub struct SqlDeadLetters {
    reader: Reader<Db>,
    writer: Writer<Db>,
}

impl SqlDeadLetters {
    /// Of the schema that both look at.
    pub fn new(reader: Reader<Db>, writer: Writer<Db>) -> Self {
        Self { reader, writer }
    }
}

#[async_trait]
impl DeadLetters for SqlDeadLetters {
    async fn put(&self, letter: &DeadLetter) -> Result<(), StorageError> {
        let put = self
            .writer
            .run(letter.clone(), |connection, letter| Box::pin(put(connection, letter)));
        put.await.map_err(StorageError::new)
    }

    async fn subscriptions(&self) -> Result<Vec<(String, u64)>, StorageError> {
        let count = self.reader.run((), |connection, ()| {
            Box::pin(async move {
                let count = sqlx::query_as(
                    "SELECT subscription, COUNT(*) FROM dead_letters GROUP BY subscription ORDER BY subscription",
                );
                Ok::<Vec<(String, i64)>, Error>(count.fetch_all(connection).await?)
            })
        });
        let counts = count.await.map_err(StorageError::new)?.into_iter();
        Ok(counts.map(|(name, count)| (name, count.cast_unsigned())).collect())
    }

    async fn list(&self, subscription: &str, after: Option<Uuid>, limit: u32) -> Result<Vec<DeadLetter>, StorageError> {
        let asked = (subscription, after.unwrap_or(Uuid::nil()), limit);
        let list = self.reader.run(asked, |connection, &(subscription, after, limit)| {
            Box::pin(list(connection, subscription, after, limit))
        });
        list.await.map_err(StorageError::new)
    }

    async fn get(&self, subscription: &str, event_id: Uuid) -> Result<Option<DeadLetter>, StorageError> {
        let get = self
            .reader
            .run((subscription, event_id), |connection, &(subscription, event_id)| {
                Box::pin(get(connection, subscription, event_id))
            });
        get.await.map_err(StorageError::new)
    }

    async fn remove(&self, subscription: &str, event_id: Uuid) -> Result<bool, StorageError> {
        let asked = (subscription.to_owned(), event_id);
        let remove = self.writer.run(asked, |connection, (subscription, event_id)| {
            Box::pin(async move {
                let remove = sqlx::query("DELETE FROM dead_letters WHERE subscription = $1 AND event_id = $2");
                let removed = remove.bind(subscription).bind(event_id).execute(connection).await?;
                Ok::<_, Error>(removed.rows_affected() > 0)
            })
        });
        remove.await.map_err(StorageError::new)
    }
}

async fn put(connection: &mut <Db as Database>::Connection, letter: &DeadLetter) -> Result<(), Error> {
    let event = serde_json::to_string(&letter.event).map_err(|error| Error::Fault(error.into()))?;
    sqlx::query(
        "INSERT INTO dead_letters (subscription, event_id, event, reason, attempts, at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (subscription, event_id)
         DO UPDATE SET reason = excluded.reason, attempts = excluded.attempts, at = excluded.at",
    )
    .bind(&letter.subscription)
    .bind(letter.event.id)
    .bind(event)
    .bind(&letter.reason)
    .bind(i64::from(letter.attempts))
    .bind(letter.at.as_micros())
    .execute(connection)
    .await?;
    Ok(())
}

type Row = (String, String, String, i64, i64);

async fn list(
    connection: &mut <Db as Database>::Connection,
    subscription: &str,
    after: Uuid,
    limit: u32,
) -> Result<Vec<DeadLetter>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT subscription, event, reason, attempts, at FROM dead_letters
         WHERE subscription = $1 AND event_id > $2 ORDER BY event_id LIMIT $3",
    )
    .bind(subscription)
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(letter).collect()
}

async fn get(
    connection: &mut <Db as Database>::Connection,
    subscription: &str,
    event_id: Uuid,
) -> Result<Option<DeadLetter>, Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT subscription, event, reason, attempts, at FROM dead_letters WHERE subscription = $1 AND event_id = $2",
    )
    .bind(subscription)
    .bind(event_id)
    .fetch_optional(connection)
    .await?;
    row.map(letter).transpose()
}

fn letter((subscription, event, reason, attempts, at): Row) -> Result<DeadLetter, Error> {
    let event: Event = serde_json::from_str(&event).map_err(|error| Error::Fault(error.into()))?;
    Ok(DeadLetter {
        subscription,
        event,
        reason,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        at: Timestamp::from_micros(at),
    })
}
