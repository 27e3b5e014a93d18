//! Events, written in the transaction that causes them.

use std::time::Duration;

use async_trait::async_trait;
use platform_events::{Appended, Event, Outbox, OutboxLog, Pending, Place, StorageError};
use sqlx::{Database, QueryBuilder};
use uuid::Uuid;
use values::Timestamp;

use super::{Db, MARK_PUBLISHED, SETTLES_AFTER, list};
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

/// An outbox as a relay sees it, and one who reads along.
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

#[async_trait]
impl OutboxLog for SqlOutbox {
    async fn end(&self, now: Timestamp) -> Result<Place, StorageError> {
        let end = self.reader.run((), |connection, ()| {
            Box::pin(async move {
                let end = sqlx::query_scalar("SELECT COALESCE(MAX(seq), 0) FROM outbox");
                Ok::<i64, Error>(end.fetch_one(connection).await?)
            })
        });
        Ok(Place::at_end(end.await.map_err(StorageError::new)?, now))
    }

    async fn after(&self, place: &Place, limit: u32) -> Result<Vec<Appended>, StorageError> {
        let rows = self.reader.run((place.clone(), limit), |connection, (place, limit)| {
            Box::pin(after(connection, place, *limit))
        });
        rows.await.map_err(StorageError::new)
    }

    fn settles_after(&self) -> Duration {
        SETTLES_AFTER
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

async fn after(
    connection: &mut <Db as Database>::Connection,
    place: &Place,
    limit: u32,
) -> Result<Vec<Appended>, Error> {
    // One range of the key, so that no planner reads the table from its beginning.
    let lowest = place.missing().next().map_or(place.seen() + 1, |(first, _)| first);
    let mut select = QueryBuilder::<Db>::new("SELECT seq, kind, subject FROM outbox WHERE seq >= ");
    select.push_bind(lowest).push(" AND (seq > ").push_bind(place.seen());
    for (first, last) in place.missing() {
        select.push(" OR seq BETWEEN ").push_bind(first);
        select.push(" AND ").push_bind(last);
    }
    select.push(") ORDER BY seq LIMIT ").push_bind(i64::from(limit));
    // As many statements as there are numbers of runs are not worth keeping.
    let is_usual = place.missing().next().is_none();
    let select = select.build_query_as().persistent(is_usual);
    let rows: Vec<(i64, String, String)> = select.fetch_all(connection).await?;
    let rows = rows
        .into_iter()
        .map(|(seq, kind, subject)| Appended { seq, kind, subject });
    Ok(rows.collect())
}
