//! Who may open a schema, so that one that was handed over can never sell again.

use sqlx::Database;
use values::Timestamp;

use super::Db;
use crate::{Error, OwnerError};

/// Who owns a schema that is being filled: nobody may open it.
pub const FILLER: &str = "stoa extract";

/// Claims a schema for a process that is about to open it as local. Refused when it was handed over to somebody else;
/// `setting` is what the error tells the operator to set (`PRODUCT_SERVICE_URL`).
pub async fn claim(
    connection: &mut <Db as Database>::Connection,
    owner: &str,
    setting: &str,
    now: Timestamp,
) -> Result<(), OwnerError> {
    let row = sqlx::query_as("SELECT owner, handed_over_to FROM schema_owner WHERE id = 1");
    let row: Option<(String, Option<String>)> = row.fetch_optional(&mut *connection).await.map_err(Error::from)?;
    match row {
        Some((present, None)) if present == owner => return Ok(()),
        Some((_, Some(to))) if to == FILLER => return Err(OwnerError::Filling),
        Some((_, Some(to))) if to != owner => {
            let setting = setting.to_owned();
            return Err(OwnerError::HandedOver { to, setting });
        }
        _ => {}
    }
    // Absent, handed over to us, or another process of the same system: the schema is ours from now on. The guard is for
    // one that hands it over at this very moment.
    let claimed = sqlx::query(
        "INSERT INTO schema_owner (id, owner, handed_over_to, at) VALUES (1, $1, NULL, $2)
         ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, handed_over_to = NULL, at = excluded.at
         WHERE schema_owner.handed_over_to IS NULL OR schema_owner.handed_over_to = excluded.owner",
    )
    .bind(owner)
    .bind(now.as_micros())
    .execute(connection)
    .await
    .map_err(Error::from)?;
    if claimed.rows_affected() == 0 {
        return Err(Error::unavailable("the schema is being handed over").into());
    }
    Ok(())
}

/// Hands the schema over: from now on [`claim`] refuses everybody but `to`. The present owner may take it back by
/// naming itself.
pub async fn hand_over(connection: &mut <Db as Database>::Connection, to: &str, now: Timestamp) -> Result<(), Error> {
    sqlx::query("UPDATE schema_owner SET handed_over_to = $1, at = $2 WHERE id = 1")
        .bind(to)
        .bind(now.as_micros())
        .execute(connection)
        .await?;
    Ok(())
}

/// To whom the schema was handed over, or else whose it is.
pub async fn present(connection: &mut <Db as Database>::Connection) -> Result<Option<String>, Error> {
    let present = sqlx::query_scalar("SELECT COALESCE(handed_over_to, owner) FROM schema_owner WHERE id = 1");
    Ok(present.fetch_optional(connection).await?)
}

/// Makes the schema somebody's, whosever it is.
pub async fn give(connection: &mut <Db as Database>::Connection, to: &str, now: Timestamp) -> Result<(), Error> {
    let give = sqlx::query(
        "INSERT INTO schema_owner (id, owner, handed_over_to, at) VALUES (1, $1, NULL, $2)
         ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, handed_over_to = NULL, at = excluded.at",
    );
    give.bind(to).bind(now.as_micros()).execute(connection).await?;
    Ok(())
}
