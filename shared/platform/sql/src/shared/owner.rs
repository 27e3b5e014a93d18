//! Who may open a schema, so that one that was handed over can never sell again.

use sqlx::Database;
use values::Timestamp;

use super::Db;
use crate::{Error, OwnerError};

/// Claims a schema for a process that is about to open it as local. Refused when it was handed over to somebody else;
/// `setting` is what the error tells the operator to set (`PRODUCT_SERVICE_URL`).
pub async fn claim(
    connection: &mut <Db as Database>::Connection,
    owner: &str,
    setting: &str,
    now: Timestamp,
) -> Result<(), OwnerError> {
    sqlx::query(
        "INSERT INTO schema_owner (id, owner, handed_over_to, at) VALUES (1, $1, NULL, $2) ON CONFLICT DO NOTHING",
    )
    .bind(owner)
    .bind(now.as_micros())
    .execute(&mut *connection)
    .await
    .map_err(Error::from)?;
    // One that takes over, or comes again, becomes the owner; the guard makes this one step.
    let claimed = sqlx::query(
        "UPDATE schema_owner SET owner = $1, handed_over_to = NULL, at = $2
         WHERE id = 1 AND (handed_over_to IS NULL OR handed_over_to = $1)",
    )
    .bind(owner)
    .bind(now.as_micros())
    .execute(&mut *connection)
    .await
    .map_err(Error::from)?;
    if claimed.rows_affected() == 1 {
        return Ok(());
    }
    let to: Option<String> = sqlx::query_scalar("SELECT handed_over_to FROM schema_owner WHERE id = 1")
        .fetch_one(connection)
        .await
        .map_err(Error::from)?;
    Err(OwnerError::HandedOver {
        to: to.unwrap_or_default(),
        setting: setting.to_owned(),
    })
}

/// Hands the schema over: from now on [`claim`] refuses everybody but `to`. The present owner may take it back by
/// naming itself.
pub async fn hand_over(
    connection: &mut <Db as Database>::Connection,
    to: &str,
    now: Timestamp,
) -> Result<(), OwnerError> {
    sqlx::query("UPDATE schema_owner SET handed_over_to = $1, at = $2 WHERE id = 1")
        .bind(to)
        .bind(now.as_micros())
        .execute(connection)
        .await
        .map_err(Error::from)?;
    Ok(())
}
