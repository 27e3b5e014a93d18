//! What a consumer has taken already, so that an event that comes twice has one effect.

use sqlx::Database;
use uuid::Uuid;
use values::Timestamp;

use super::Db;
use crate::Error;

/// Whether a consumer meets an event for the first time; call it in the transaction of the effect, and do nothing
/// more on `false`.
pub async fn first_time(
    connection: &mut <Db as Database>::Connection,
    consumer: &str,
    event_id: Uuid,
    now: Timestamp,
) -> Result<bool, Error> {
    let insert = sqlx::query("INSERT INTO inbox (consumer, event_id, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING");
    let insert = insert.bind(consumer).bind(event_id).bind(now.as_micros());
    Ok(insert.execute(connection).await?.rows_affected() == 1)
}

/// Forgets at most `limit` events taken before a moment, which must lie further back than any event can be published
/// again (outboxes keep 7 days); answers how many.
pub async fn purge(connection: &mut <Db as Database>::Connection, before: Timestamp, limit: u32) -> Result<u64, Error> {
    let purge = sqlx::query(
        "DELETE FROM inbox WHERE (consumer, event_id) IN (
             SELECT consumer, event_id FROM inbox WHERE at < $1 ORDER BY at LIMIT $2)",
    );
    let purge = purge.bind(before.as_micros()).bind(i64::from(limit));
    Ok(purge.execute(connection).await?.rows_affected())
}
