//! Answers stored in the transaction of their effect.

use sqlx::Database;
use values::Timestamp;

use super::{Db, lock_key};
use crate::Error;
use crate::idempotency::{IdempotencyKey, KEPT, Remembered, StoredAnswer};

type Row = (Vec<u8>, i64, String, Vec<u8>);

/// What is known of a key; the first thing a unit asks. A twin that runs at the same time waits here until this one has
/// ended, and then meets its answer.
pub async fn recall(
    connection: &mut <Db as Database>::Connection,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Remembered, Error> {
    lock_key(connection, key).await?;
    let row: Option<Row> = sqlx::query_as(
        "SELECT request_hash, status, headers, body FROM idempotency
         WHERE caller = $1 AND route = $2 AND key = $3 AND at >= $4",
    )
    .bind(&key.caller)
    .bind(&key.route)
    .bind(&key.key)
    .bind(now.minus(KEPT).as_micros())
    .fetch_optional(connection)
    .await?;
    let Some((request_hash, status, headers, body)) = row else {
        return Ok(Remembered::Fresh);
    };
    if request_hash != key.request_hash {
        return Ok(Remembered::Reused);
    }
    Ok(Remembered::Replay(StoredAnswer {
        status: u16::try_from(status).map_err(Error::fault)?,
        headers: serde_json::from_str(&headers).map_err(Error::fault)?,
        body,
    }))
}

/// Keeps the answer to a key that was [`Remembered::Fresh`] in this unit.
pub async fn remember(
    connection: &mut <Db as Database>::Connection,
    key: &IdempotencyKey,
    answer: &StoredAnswer,
    now: Timestamp,
) -> Result<(), Error> {
    let headers = serde_json::to_string(&answer.headers).map_err(Error::fault)?;
    // Whatever stands there is too old to be recalled.
    sqlx::query(
        "INSERT INTO idempotency (caller, route, key, request_hash, status, headers, body, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (caller, route, key) DO UPDATE SET request_hash = excluded.request_hash,
             status = excluded.status, headers = excluded.headers, body = excluded.body, at = excluded.at",
    )
    .bind(&key.caller)
    .bind(&key.route)
    .bind(&key.key)
    .bind(&key.request_hash)
    .bind(i64::from(answer.status))
    .bind(headers)
    .bind(&answer.body)
    .bind(now.as_micros())
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets at most `limit` answers stored before a moment; answers how many.
pub async fn purge(connection: &mut <Db as Database>::Connection, before: Timestamp, limit: u32) -> Result<u64, Error> {
    let purge = sqlx::query(
        "DELETE FROM idempotency WHERE (caller, route, key) IN (
             SELECT caller, route, key FROM idempotency WHERE at < $1 ORDER BY at LIMIT $2)",
    );
    let purge = purge.bind(before.as_micros()).bind(i64::from(limit));
    Ok(purge.execute(connection).await?.rows_affected())
}
