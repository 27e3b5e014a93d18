//! Writes to the books, as many rows as there are in one statement: arrays, unnested.

use std::collections::BTreeMap;

use platform_events::Event;
use platform_sql::Error;
use platform_sql::postgres::outbox;
use sqlx::PgConnection;
use uuid::Uuid;
use values::{OrderId, Timestamp};

use crate::store::LOCATION;
use crate::store::stock::{Row, Writes};

/// Writes new reservations in the order of their ids and answers which there were none of.
pub(super) async fn insert(connection: &mut PgConnection, rows: &BTreeMap<OrderId, Row>) -> Result<Vec<Uuid>, Error> {
    let insert = sqlx::query_scalar(
        "INSERT INTO reservations (order_id, state, request_hash, expires_at)
         SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::bytea[], $4::bigint[])
         ON CONFLICT (order_id) DO NOTHING RETURNING order_id",
    );
    let new = insert
        .bind(rows.keys().map(|id| id.as_uuid()).collect::<Vec<_>>())
        .bind(rows.values().map(Row::state_name).collect::<Vec<_>>())
        .bind(rows.values().map(|row| row.request_hash.as_deref()).collect::<Vec<_>>())
        .bind(rows.values().map(expires_at).collect::<Vec<_>>());
    Ok(new.fetch_all(connection).await?)
}

/// Writes what a plan came to, and its events.
pub(super) async fn write(connection: &mut PgConnection, writes: &Writes<'_>, events: &[Event]) -> Result<(), Error> {
    let Writes {
        changed,
        lines,
        booked,
        moved,
    } = writes;
    let write = sqlx::query(
        "WITH changed AS (
             UPDATE reservations SET state = wanted.state, detail = wanted.detail, expires_at = wanted.expires_at
             FROM UNNEST($2::uuid[], $3::text[], $4::text[], $5::bigint[])
                 AS wanted (order_id, state, detail, expires_at)
             WHERE reservations.order_id = wanted.order_id
         ), lines AS (
             INSERT INTO reservation_lines (order_id, product_id, quantity, counted, sku, name, unit_price, currency, location)
             SELECT line.*, $1 FROM UNNEST($6::uuid[], $7::uuid[], $8::bigint[], $9::boolean[], $10::text[], $11::text[],
                 $12::bigint[], $13::text[]) AS line
         ), booked AS (
             INSERT INTO stock_ledger (order_id, product_id, delta, kind, at, location)
             SELECT entry.*, $1 FROM UNNEST($14::uuid[], $15::uuid[], $16::bigint[], $17::text[], $18::bigint[]) AS entry
         ), moved AS (
             UPDATE stock SET on_hand = stock.on_hand + shelf.on_hand, reserved = stock.reserved + shelf.reserved,
                 seq = shelf.seq
             FROM UNNEST($19::uuid[], $20::bigint[], $21::bigint[], $22::bigint[])
                 AS shelf (product_id, on_hand, reserved, seq)
             WHERE stock.product_id = shelf.product_id AND stock.location = $1
         )
         INSERT INTO outbox (id, kind, source, subject, time, data, traceparent)
         SELECT * FROM UNNEST($23::uuid[], $24::text[], $25::text[], $26::text[], $27::bigint[], $28::text[], $29::text[])",
    );
    let write = write
        .bind(LOCATION)
        .bind(column(changed, |(id, _)| id.as_uuid()))
        .bind(column(changed, |(_, row)| row.state_name()))
        .bind(column(changed, |(_, row)| row.detail()))
        .bind(column(changed, |(_, row)| expires_at(row)))
        .bind(column(lines, |(id, _)| id.as_uuid()))
        .bind(column(lines, |(_, line)| line.product_id.as_uuid()))
        .bind(column(lines, |(_, line)| i64::from(line.quantity.get())))
        .bind(column(lines, |(_, line)| line.counted))
        .bind(column(lines, |(_, line)| line.sku.as_str()))
        .bind(column(lines, |(_, line)| line.name.as_str()))
        .bind(column(lines, |(_, line)| line.unit_price.amount()))
        .bind(column(lines, |(_, line)| line.unit_price.currency().code()))
        .bind(column(booked, |entry| entry.order_id.as_uuid()))
        .bind(column(booked, |entry| entry.product_id.as_uuid()))
        .bind(column(booked, |entry| entry.delta))
        .bind(column(booked, |entry| entry.kind))
        .bind(column(booked, |entry| entry.at.as_micros()))
        .bind(column(moved, |shelf| shelf.product_id.as_uuid()))
        .bind(column(moved, |shelf| shelf.on_hand))
        .bind(column(moved, |shelf| shelf.reserved))
        .bind(column(moved, |shelf| shelf.seq))
        .bind(column(events, |event| event.id))
        .bind(column(events, |event| event.kind.as_str()))
        .bind(column(events, |event| event.source.as_str()))
        .bind(column(events, |event| event.subject.as_str()))
        .bind(column(events, |event| event.time.as_micros()))
        .bind(column(events, Event::data_text))
        .bind(column(events, |event| event.traceparent.as_deref()));
    write.execute(connection).await?;
    if !events.is_empty() {
        outbox::appended();
    }
    Ok(())
}

fn expires_at(row: &Row) -> Option<i64> {
    row.expires_at.map(Timestamp::as_micros)
}

fn column<'r, R, T>(rows: &'r [R], value: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}
