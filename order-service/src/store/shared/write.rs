//! Units of work on orders.

use platform_sql::idempotency::{IdempotencyKey, Remembered, StoredAnswer};
use sqlx::{Database, QueryBuilder};
use uuid::Uuid;
use values::{OrderId, Timestamp};

use super::{Db, engine, read};
use crate::order::{Change, NewOrder, OrderLine, StoredOrder};
use crate::store::{Claim, Inserted, Postponed, StoreError};

type Connection = <Db as Database>::Connection;

/// The insert itself finds out whether the key was used.
pub(super) async fn insert(connection: &mut Connection, new: &NewOrder) -> Result<Inserted, StoreError> {
    let insert = sqlx::query_scalar(
        "INSERT INTO orders (id, user_id, idempotency_key, request_hash, status, provider, version, next_attempt_at,
             deadline_at, traceparent, created_at, updated_at)
         VALUES ($1, $2, $3, $4, 'pending', $5, 1, $6, $7, $8, $9, $9)
         ON CONFLICT (user_id, idempotency_key) DO NOTHING RETURNING number",
    );
    let number: Option<i64> = insert
        .bind(new.id.as_uuid())
        .bind(new.user_id.as_uuid())
        .bind(&new.idempotency_key)
        .bind(new.request_hash.as_slice())
        .bind(new.provider)
        .bind(new.next_attempt_at.as_micros())
        .bind(new.deadline_at.as_micros())
        .bind(&new.traceparent)
        .bind(new.created_at.as_micros())
        .fetch_optional(&mut *connection)
        .await
        .map_err(platform_sql::Error::from)?;
    let Some(number) = number else {
        return known(connection, new).await;
    };
    let mut lines = QueryBuilder::<Db>::new("INSERT INTO order_lines (order_id, product_id, quantity) ");
    lines.push_values(&new.lines, |mut row, line| {
        row.push_bind(new.id.as_uuid())
            .push_bind(line.product_id.as_uuid())
            .push_bind(i64::from(line.quantity.get()));
    });
    lines
        .build()
        .execute(connection)
        .await
        .map_err(platform_sql::Error::from)?;
    Ok(Inserted::New { number })
}

/// The order that has the key already; it may be this one, written by a try whose answer was lost.
async fn known(connection: &mut Connection, new: &NewOrder) -> Result<Inserted, StoreError> {
    let known = read::find_by_key(connection, new.user_id, &new.idempotency_key).await?;
    let known = known.ok_or(StoreError::Unreadable("the key is taken, and by no order"))?;
    if known.id == new.id {
        return Ok(Inserted::New { number: known.number });
    }
    Ok(Inserted::Known(Box::new(known)))
}

/// A transition, where the version fits.
pub(super) async fn change(connection: &mut Connection, change: &Change) -> Result<bool, StoreError> {
    let order = &change.order;
    let detail = detail_of(order);
    let update = sqlx::query(
        "UPDATE orders SET status = $3, reason = $4, detail = $5, cancel_requested = $6, total = $7, currency = $8,
             captured = $9, refunded = $10, version = $2, attempts = 0, next_attempt_at = $11, updated_at = $12,
             confirmed_at = $13
         WHERE id = $1 AND version = $2 - 1",
    );
    let updated = update
        .bind(order.id.as_uuid())
        .bind(order.version)
        .bind(order.state.name())
        .bind(order.reason.map(crate::order::Reason::name))
        .bind(detail)
        .bind(order.cancel_requested)
        .bind(order.total.map(values::Money::amount))
        .bind(order.total.map(|total| total.currency().code()))
        .bind(order.captured)
        .bind(order.refunded)
        .bind(order.next_attempt_at.map(Timestamp::as_micros))
        .bind(order.updated_at.as_micros())
        .bind(order.confirmed_at.map(Timestamp::as_micros))
        .execute(&mut *connection)
        .await
        .map_err(platform_sql::Error::from)?;
    if updated.rows_affected() == 0 {
        return Ok(false);
    }
    if change.lines_changed {
        name_lines(connection, order.id, &order.lines).await?;
    }
    if let Some(event) = &change.event {
        engine::outbox::append(connection, std::slice::from_ref(event)).await?;
    }
    Ok(true)
}

/// What stock said when it refused, as it is stored.
pub(super) fn detail_of(order: &StoredOrder) -> Option<String> {
    let detail = order.refusal.as_ref().map(serde_json::to_string).transpose();
    detail.expect("a refusal can be written as JSON")
}

/// Gives the lines their names and prices.
async fn name_lines(connection: &mut Connection, order_id: OrderId, lines: &[OrderLine]) -> Result<(), StoreError> {
    let mut upsert =
        QueryBuilder::<Db>::new("INSERT INTO order_lines (order_id, product_id, quantity, sku, name, unit_price) ");
    upsert.push_values(lines, |mut row, line| {
        let snapshot = line.snapshot.as_ref();
        row.push_bind(order_id.as_uuid())
            .push_bind(line.product_id.as_uuid())
            .push_bind(i64::from(line.quantity.get()))
            .push_bind(snapshot.map(|snapshot| snapshot.sku.as_str()))
            .push_bind(snapshot.map(|snapshot| snapshot.name.as_str()))
            .push_bind(snapshot.map(|snapshot| snapshot.unit_price.amount()));
    });
    upsert.push(
        " ON CONFLICT (order_id, product_id) DO UPDATE
         SET sku = excluded.sku, name = excluded.name, unit_price = excluded.unit_price",
    );
    upsert
        .build()
        .execute(connection)
        .await
        .map_err(platform_sql::Error::from)?;
    Ok(())
}

pub(super) async fn postpone(connection: &mut Connection, pause: &Postponed) -> Result<(), StoreError> {
    let update = sqlx::query(
        "UPDATE orders SET attempts = $3, next_attempt_at = $4, last_error = $5
         WHERE id = $1 AND version = $2 AND next_attempt_at IS NOT NULL",
    );
    update
        .bind(pause.id.as_uuid())
        .bind(pause.version)
        .bind(i64::from(pause.attempts))
        .bind(pause.next_attempt_at.as_micros())
        .bind(&pause.last_error)
        .execute(connection)
        .await
        .map_err(platform_sql::Error::from)?;
    Ok(())
}

/// Whether an open order's time has come; looked at before a unit of work is begun for nothing.
pub(super) async fn is_any_due(connection: &mut Connection, now: Timestamp) -> Result<bool, StoreError> {
    let exists = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM orders WHERE next_attempt_at <= $1)");
    let exists = exists.bind(now.as_micros()).fetch_one(connection).await;
    Ok(exists.map_err(platform_sql::Error::from)?)
}

/// Two workers that lease at once get different orders: the second finds the new time.
pub(super) async fn lease_due(
    connection: &mut Connection,
    now: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<StoredOrder>, StoreError> {
    let lease = sqlx::query_scalar(
        "UPDATE orders SET next_attempt_at = $2
         WHERE id IN (SELECT id FROM orders WHERE next_attempt_at <= $1 ORDER BY next_attempt_at LIMIT $3)
           AND next_attempt_at <= $1
         RETURNING id",
    );
    let lease = lease
        .bind(now.as_micros())
        .bind(until.as_micros())
        .bind(i64::from(limit));
    let ids: Vec<Uuid> = lease
        .fetch_all(&mut *connection)
        .await
        .map_err(platform_sql::Error::from)?;
    let ids: Vec<OrderId> = ids.into_iter().map(OrderId::from).collect();
    read::find_many(connection, &ids).await
}

pub(super) async fn make_open_due(connection: &mut Connection, now: Timestamp) -> Result<u64, StoreError> {
    let sql = "UPDATE orders SET next_attempt_at = $1 WHERE next_attempt_at > $1";
    make_due(connection, sql, now).await
}

pub(super) async fn make_postponed_due(connection: &mut Connection, now: Timestamp) -> Result<u64, StoreError> {
    let sql = "UPDATE orders SET next_attempt_at = $1 WHERE next_attempt_at > $1 AND attempts > 0";
    make_due(connection, sql, now).await
}

async fn make_due(connection: &mut Connection, sql: &'static str, now: Timestamp) -> Result<u64, StoreError> {
    let update = sqlx::query(sql).bind(now.as_micros()).execute(connection).await;
    Ok(update.map_err(platform_sql::Error::from)?.rows_affected())
}

pub(super) async fn claim_key(
    connection: &mut Connection,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Claim, StoreError> {
    match engine::idempotency::recall(connection, key, now).await? {
        Remembered::Replay(_) => return Ok(Claim::Replayed),
        Remembered::Reused => return Ok(Claim::Reused),
        Remembered::Fresh => {}
    }
    // What is answered is rendered from the order each time.
    let answer = StoredAnswer {
        status: 200,
        headers: Vec::new(),
        body: Vec::new(),
    };
    engine::idempotency::remember(connection, key, &answer, now).await?;
    Ok(Claim::Fresh)
}
