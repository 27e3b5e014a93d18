//! Events, written in the transaction that causes them.

use async_trait::async_trait;
use platform_events::{Event, Outbox, Pending, StorageError};
use sqlx::{Database, QueryBuilder};
use uuid::Uuid;
use values::Timestamp;

use super::{Db, MARK_PUBLISHED, list};
use crate::writer::events_appended;
use crate::{Error, Reader, Writer};

/// Rows of one INSERT; eight values each, well below what either engine binds.
const ROWS: usize = 100;

/// Appends events in order; the relay is woken when the writer has committed the unit. Do this after the rows they are
/// about were written: their locks are what keeps the events of one subject in order on Postgres.
pub async fn append(connection: &mut <Db as Database>::Connection, events: &[Event]) -> Result<(), Error> {
    for events in events.chunks(ROWS) {
        let mut insert =
            QueryBuilder::<Db>::new("INSERT INTO outbox (id, kind, source, subject, time, traceparent, data) ");
        insert.push_values(events, |mut row, event| {
            row.push_bind(event.id)
                .push_bind(&event.kind)
                .push_bind(&event.source)
                .push_bind(&event.subject)
                .push_bind(event.time.as_micros())
                .push_bind(&event.traceparent)
                .push_bind(event.data_text());
        });
        insert.build().execute(&mut *connection).await?;
        appended();
    }
    Ok(())
}

/// Has the relay woken when the writer has committed the unit; for a statement that writes the table itself.
pub fn appended() {
    events_appended();
}

/// An outbox as a relay sees it.
#[derive(Debug, Clone)]
pub struct SqlOutbox {
    reader: Reader<Db>,
    writer: Writer<Db>,
}

impl SqlOutbox {
    /// Of the schema that both look at.
    pub fn new(reader: Reader<Db>, writer: Writer<Db>) -> Self {
        Self { reader, writer }
    }
}

#[async_trait]
impl Outbox for SqlOutbox {
    async fn pending(&self, limit: u32) -> Result<Vec<Pending>, StorageError> {
        let rows = self
            .reader
            .run(limit, |connection, &limit| Box::pin(pending(connection, limit)));
        rows.await.map_err(StorageError::new)
    }

    async fn mark_published(&self, seqs: &[i64], at: Timestamp) -> Result<(), StorageError> {
        if seqs.is_empty() {
            return Ok(());
        }
        let mark = self.writer.run((seqs.to_vec(), at), |connection, (seqs, at)| {
            Box::pin(async move {
                let mark = sqlx::query(MARK_PUBLISHED).bind(at.as_micros()).bind(list(seqs));
                mark.execute(connection).await?;
                Ok::<_, Error>(())
            })
        });
        mark.await.map_err(StorageError::new)
    }

    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        let purge = self.writer.run((before, limit), |connection, &(before, limit)| {
            Box::pin(async move {
                let purge = sqlx::query(PURGE).bind(before.as_micros()).bind(i64::from(limit));
                Ok::<_, Error>(purge.execute(connection).await?.rows_affected())
            })
        });
        purge.await.map_err(StorageError::new)
    }

    async fn backlog(&self, at_most: u32) -> Result<u64, StorageError> {
        let count = self.reader.run(at_most, |connection, &at_most| {
            Box::pin(async move {
                let count = sqlx::query_scalar(BACKLOG).bind(i64::from(at_most));
                Ok::<i64, Error>(count.fetch_one(connection).await?)
            })
        });
        let count = count.await.map_err(StorageError::new)?;
        Ok(count.cast_unsigned())
    }
}

/// Looks at the oldest rows alone, so that it costs the same however many there are.
const PURGE: &str = "DELETE FROM outbox WHERE seq IN (
    SELECT seq FROM (SELECT seq, published_at FROM outbox ORDER BY seq LIMIT $2) AS oldest WHERE published_at < $1)";

const BACKLOG: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM outbox WHERE published_at IS NULL LIMIT $1) AS waiting";

async fn pending(connection: &mut <Db as Database>::Connection, limit: u32) -> Result<Vec<Pending>, Error> {
    type Row = (i64, Uuid, String, String, String, i64, Option<String>, String);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT seq, id, kind, source, subject, time, traceparent, data FROM outbox
         WHERE published_at IS NULL ORDER BY seq LIMIT $1",
    )
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(seq, id, kind, source, subject, time, traceparent, data)| {
            let event = Event::from_stored(
                id,
                kind,
                source,
                subject,
                Timestamp::from_micros(time),
                traceparent,
                data,
            )
            .map_err(|error| Error::Fault(error.into()))?;
            Ok(Pending { seq, event })
        })
        .collect()
}
