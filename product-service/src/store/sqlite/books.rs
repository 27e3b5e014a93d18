//! Writes to the books, as many rows as there are in one statement a table: JSON, with bytes as hexadecimal digits.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use platform_events::Event;
use platform_sql::Error;
use platform_sql::sqlite::outbox;
use serde::Serialize;
use sqlx::SqliteConnection;
use uuid::Uuid;
use values::{OrderId, Timestamp};

use crate::store::LOCATION;
use crate::store::stock::{Row, Writes};

/// Writes new reservations and answers which there were none of.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    rows: &BTreeMap<OrderId, Row>,
) -> Result<Vec<Uuid>, Error> {
    let insert = sqlx::query_scalar(
        "INSERT INTO reservations (order_id, state, request_hash, expires_at)
         SELECT unhex(value ->> 0), value ->> 1, unhex(value ->> 2), value ->> 3 FROM json_each($1) WHERE TRUE
         ON CONFLICT (order_id) DO NOTHING RETURNING order_id",
    );
    let rows = rows.iter().map(|(id, row)| {
        let hash = row.request_hash.as_deref().map(hex_of);
        (id.as_uuid().simple(), row.state_name(), hash, expires_at(row))
    });
    Ok(insert.bind(json(rows)).fetch_all(connection).await?)
}

/// Writes what a plan came to, and its events.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    writes: &Writes<'_>,
    events: &[Event],
) -> Result<(), Error> {
    let changed = writes.changed.iter();
    let changed = changed.map(|(id, row)| (id.as_uuid().simple(), row.state_name(), row.detail(), expires_at(row)));
    let change =
        "UPDATE reservations SET state = row.value ->> 1, detail = row.value ->> 2, expires_at = row.value ->> 3
         FROM json_each($1) AS row WHERE order_id = unhex(row.value ->> 0)";
    execute(connection, change, changed).await?;

    let lines = writes.lines.iter().map(|(id, line)| {
        (
            id.as_uuid().simple(),
            line.product_id.as_uuid().simple(),
            LOCATION,
            line.quantity.get(),
            line.counted,
            &line.sku,
            &line.name,
            line.unit_price.amount(),
            line.unit_price.currency().code(),
        )
    });
    let insert = "INSERT INTO reservation_lines
             (order_id, product_id, location, quantity, counted, sku, name, unit_price, currency)
         SELECT unhex(value ->> 0), unhex(value ->> 1), value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
             value ->> 7, value ->> 8 FROM json_each($1)";
    execute(connection, insert, lines).await?;

    let booked = writes.booked.iter().map(|entry| {
        (
            entry.order_id.as_uuid().simple(),
            entry.product_id.as_uuid().simple(),
            LOCATION,
            entry.delta,
            entry.kind,
            entry.at.as_micros(),
        )
    });
    let insert = "INSERT INTO stock_ledger (order_id, product_id, location, delta, kind, at)
         SELECT unhex(value ->> 0), unhex(value ->> 1), value ->> 2, value ->> 3, value ->> 4, value ->> 5
         FROM json_each($1)";
    execute(connection, insert, booked).await?;

    let moved = writes.moved.iter().map(|shelf| {
        let id = shelf.product_id.as_uuid().simple();
        (id, LOCATION, shelf.on_hand, shelf.reserved, shelf.seq)
    });
    let update = "UPDATE stock SET on_hand = on_hand + (row.value ->> 2), reserved = reserved + (row.value ->> 3),
             seq = row.value ->> 4
         FROM json_each($1) AS row WHERE product_id = unhex(row.value ->> 0) AND location = row.value ->> 1";
    execute(connection, update, moved).await?;

    let told = events.iter().map(|event| {
        (
            event.id.simple(),
            &event.kind,
            &event.source,
            &event.subject,
            event.time.as_micros(),
            event.data_text(),
            &event.traceparent,
        )
    });
    let insert = "INSERT INTO outbox (id, kind, source, subject, time, data, traceparent)
         SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
         FROM json_each($1)";
    execute(connection, insert, told).await?;
    if !events.is_empty() {
        outbox::appended();
    }
    Ok(())
}

/// Runs a statement for its rows, if there are any.
async fn execute(
    connection: &mut SqliteConnection,
    sql: &'static str,
    rows: impl ExactSizeIterator<Item = impl Serialize> + Send,
) -> Result<(), Error> {
    if rows.len() > 0 {
        sqlx::query(sql).bind(json(rows)).execute(connection).await?;
    }
    Ok(())
}

fn json(rows: impl Iterator<Item = impl Serialize>) -> String {
    let rows: Vec<_> = rows.collect();
    serde_json::to_string(&rows).expect("numbers and texts are JSON")
}

fn hex_of(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a string takes what is written to it");
            hex
        })
}

fn expires_at(row: &Row) -> Option<i64> {
    row.expires_at.map(Timestamp::as_micros)
}
