//! The two hot writes, many at once: one statement, one commit.
//!
//! Each is atomic by itself, so it needs no transaction around it, and each bears being repeated: a second insert meets
//! the first one's row, a second change finds the version gone. So a batch that fails is done again one by one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use platform_sql::{Batcher, Error, Writer};
use sqlx::{PgConnection, Postgres};
use uuid::Uuid;
use values::{Money, Timestamp};

use super::write;
use crate::order::{Change, NewOrder, Reason};
use crate::store::{Inserted, StoreError};

/// One worker gathers more, and what gathers costs less.
const WORKERS: usize = 1;

/// The queues in front of the two statements.
pub(super) struct Batches {
    pub(super) inserts: Batcher<Arc<NewOrder>, Inserted, StoreError>,
    pub(super) changes: Batcher<Arc<Change>, bool, StoreError>,
}

impl Batches {
    pub(super) fn start(writer: &Writer<Postgres>) -> Self {
        let (inserting, changing) = (writer.clone(), writer.clone());
        Self {
            inserts: Batcher::start(WORKERS, move |batch| insert_all(inserting.clone(), batch)),
            changes: Batcher::start(WORKERS, move |batch| change_all(changing.clone(), batch)),
        }
    }
}

async fn insert_all(writer: Writer<Postgres>, batch: Vec<Arc<NewOrder>>) -> Vec<Result<Inserted, StoreError>> {
    let together = writer.run_statement(batch.clone(), |connection, batch| {
        Box::pin(insert_batch(connection, batch))
    });
    let numbers = together.await.unwrap_or_default();
    let mut results = Vec::with_capacity(batch.len());
    for new in batch {
        let result = match numbers.get(&new.id.as_uuid()) {
            Some(&number) => Ok(Inserted::New { number }),
            // The key was used before, or the batch failed.
            None => {
                writer
                    .run(new, |connection, new| Box::pin(write::insert(connection, new)))
                    .await
            }
        };
        results.push(result);
    }
    results
}

/// Answers the numbers of those that were inserted.
async fn insert_batch(
    connection: &mut PgConnection,
    batch: &[Arc<NewOrder>],
) -> Result<HashMap<Uuid, i64>, StoreError> {
    let lines = || {
        batch
            .iter()
            .flat_map(|new| new.lines.iter().map(move |line| (new.id, line)))
    };
    let insert = sqlx::query_as(
        "WITH placed AS (
             INSERT INTO orders (id, user_id, idempotency_key, request_hash, status, provider, version,
                 next_attempt_at, deadline_at, traceparent, created_at, updated_at)
             SELECT id, user_id, idempotency_key, request_hash, 'pending', provider, 1,
                 next_attempt_at, deadline_at, traceparent, created_at, created_at
             FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::bytea[], $5::text[], $6::bigint[], $7::bigint[],
                     $8::text[], $9::bigint[])
                 AS wanted (id, user_id, idempotency_key, request_hash, provider, next_attempt_at, deadline_at,
                     traceparent, created_at)
             ON CONFLICT (user_id, idempotency_key) DO NOTHING
             RETURNING id, number
         ), lines AS (
             INSERT INTO order_lines (order_id, product_id, quantity)
             SELECT line.order_id, line.product_id, line.quantity
             FROM UNNEST($10::uuid[], $11::uuid[], $12::bigint[]) AS line (order_id, product_id, quantity)
             JOIN placed ON placed.id = line.order_id
         )
         SELECT id, number FROM placed",
    );
    let placed: Vec<(Uuid, i64)> = insert
        .bind(column(batch, |new| new.id.as_uuid()))
        .bind(column(batch, |new| new.user_id.as_uuid()))
        .bind(column(batch, |new| new.idempotency_key.clone()))
        .bind(column(batch, |new| new.request_hash.to_vec()))
        .bind(column(batch, |new| new.provider))
        .bind(column(batch, |new| new.next_attempt_at.as_micros()))
        .bind(column(batch, |new| new.deadline_at.as_micros()))
        .bind(column(batch, |new| new.traceparent.clone()))
        .bind(column(batch, |new| new.created_at.as_micros()))
        .bind(lines().map(|(id, _)| id.as_uuid()).collect::<Vec<_>>())
        .bind(lines().map(|(_, line)| line.product_id.as_uuid()).collect::<Vec<_>>())
        .bind(
            lines()
                .map(|(_, line)| i64::from(line.quantity.get()))
                .collect::<Vec<_>>(),
        )
        .fetch_all(connection)
        .await
        .map_err(Error::from)?;
    Ok(placed.into_iter().collect())
}

async fn change_all(writer: Writer<Postgres>, batch: Vec<Arc<Change>>) -> Vec<Result<bool, StoreError>> {
    // Of two changes of one order the second has lost already.
    let mut seen = HashSet::new();
    let firsts: Vec<_> = batch
        .iter()
        .filter(|change| seen.insert(change.order.id))
        .cloned()
        .collect();
    let together = writer.run_statement(firsts, |connection, batch| Box::pin(change_batch(connection, batch)));
    let Ok(mut moved) = together.await else {
        let mut results = Vec::with_capacity(batch.len());
        for change in batch {
            results.push(
                writer
                    .run(change, |connection, change| Box::pin(write::change(connection, change)))
                    .await,
            );
        }
        return results;
    };
    writer.wake().wake();
    // Taken out once, so that the second of an order finds nothing.
    batch
        .iter()
        .map(|change| Ok(moved.remove(&change.order.id.as_uuid())))
        .collect()
}

/// Answers which were moved.
async fn change_batch(connection: &mut PgConnection, batch: &[Arc<Change>]) -> Result<HashSet<Uuid>, StoreError> {
    let lines = || {
        let changed = batch.iter().filter(|change| change.lines_changed);
        changed.flat_map(|change| change.order.lines.iter().map(move |line| (change.order.id, line)))
    };
    let events = || {
        batch
            .iter()
            .filter_map(|change| Some((change.order.id, change.event.as_ref()?)))
    };
    let change = sqlx::query_scalar(
        "WITH moved AS (
             UPDATE orders SET status = wanted.status, reason = wanted.reason, detail = wanted.detail,
                 cancel_requested = wanted.cancel_requested, total = wanted.total, currency = wanted.currency,
                 captured = wanted.captured, refunded = wanted.refunded, version = wanted.version, attempts = 0,
                 next_attempt_at = wanted.next_attempt_at, updated_at = wanted.updated_at,
                 confirmed_at = wanted.confirmed_at
             FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::bigint[],
                     $8::text[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[])
                 AS wanted (id, version, status, reason, detail, cancel_requested, total,
                     currency, captured, refunded, next_attempt_at, updated_at, confirmed_at)
             WHERE orders.id = wanted.id AND orders.version = wanted.version - 1
             RETURNING orders.id
         ), lines AS (
             UPDATE order_lines SET sku = line.sku, name = line.name, unit_price = line.unit_price
             FROM UNNEST($14::uuid[], $15::uuid[], $16::text[], $17::text[], $18::bigint[])
                 AS line (order_id, product_id, sku, name, unit_price)
             JOIN moved ON moved.id = line.order_id
             WHERE order_lines.order_id = line.order_id AND order_lines.product_id = line.product_id
         ), events AS (
             INSERT INTO outbox (id, kind, source, subject, time, traceparent, data)
             SELECT event.id, event.kind, event.source, event.subject, event.time, event.traceparent, event.data
             FROM UNNEST($19::uuid[], $20::uuid[], $21::text[], $22::text[], $23::text[], $24::bigint[], $25::text[],
                     $26::text[])
                 AS event (order_id, id, kind, source, subject, time, traceparent, data)
             JOIN moved ON moved.id = event.order_id
         )
         SELECT id FROM moved",
    );
    let moved: Vec<Uuid> = change
        .bind(column(batch, |change| change.order.id.as_uuid()))
        .bind(column(batch, |change| change.order.version))
        .bind(column(batch, |change| change.order.state.name()))
        .bind(column(batch, |change| change.order.reason.map(Reason::name)))
        .bind(column(batch, |change| write::detail_of(&change.order)))
        .bind(column(batch, |change| change.order.cancel_requested))
        .bind(column(batch, |change| change.order.total.map(Money::amount)))
        .bind(column(batch, |change| {
            change.order.total.map(|total| total.currency().code())
        }))
        .bind(column(batch, |change| change.order.captured))
        .bind(column(batch, |change| change.order.refunded))
        .bind(column(batch, |change| {
            change.order.next_attempt_at.map(Timestamp::as_micros)
        }))
        .bind(column(batch, |change| change.order.updated_at.as_micros()))
        .bind(column(batch, |change| {
            change.order.confirmed_at.map(Timestamp::as_micros)
        }))
        .bind(lines().map(|(id, _)| id.as_uuid()).collect::<Vec<_>>())
        .bind(lines().map(|(_, line)| line.product_id.as_uuid()).collect::<Vec<_>>())
        .bind(
            lines()
                .map(|(_, line)| Some(line.snapshot.as_ref()?.sku.as_str()))
                .collect::<Vec<_>>(),
        )
        .bind(
            lines()
                .map(|(_, line)| Some(line.snapshot.as_ref()?.name.as_str()))
                .collect::<Vec<_>>(),
        )
        .bind(
            lines()
                .map(|(_, line)| Some(line.snapshot.as_ref()?.unit_price.amount()))
                .collect::<Vec<_>>(),
        )
        .bind(events().map(|(order_id, _)| order_id.as_uuid()).collect::<Vec<_>>())
        .bind(events().map(|(_, event)| event.id).collect::<Vec<_>>())
        .bind(events().map(|(_, event)| event.kind.as_str()).collect::<Vec<_>>())
        .bind(events().map(|(_, event)| event.source.as_str()).collect::<Vec<_>>())
        .bind(events().map(|(_, event)| event.subject.as_str()).collect::<Vec<_>>())
        .bind(events().map(|(_, event)| event.time.as_micros()).collect::<Vec<_>>())
        .bind(
            events()
                .map(|(_, event)| event.traceparent.as_deref())
                .collect::<Vec<_>>(),
        )
        .bind(events().map(|(_, event)| event.data_text()).collect::<Vec<_>>())
        .fetch_all(connection)
        .await
        .map_err(Error::from)?;
    Ok(moved.into_iter().collect())
}

fn column<'a, R, T>(rows: &'a [Arc<R>], value: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(|row| value(row)).collect()
}
