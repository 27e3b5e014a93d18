//! The table of sessions.

use sqlx::Database;
use uuid::Uuid;
use values::{SessionId, Timestamp, UserId};

use super::Db;
use crate::password::PasswordHash;
use crate::refresh_token::TokenHash;
use crate::store::{MAX_SESSIONS, NewSession, Rotation, StoreError};

/// A session as far as a refresh must know it.
pub(super) struct Family {
    pub(super) account: UserId,
    pub(super) token: TokenHash,
    pub(super) previous: Option<TokenHash>,
    pub(super) rotated_at: Option<Timestamp>,
    pub(super) is_live: bool,
}

/// Opens a session if the account has that password.
pub(super) async fn insert(
    connection: &mut <Db as Database>::Connection,
    session: &NewSession,
    hash: &PasswordHash,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let insert = sqlx::query(
        "INSERT INTO sessions (id, account_id, token_hash, address, created_at, last_used_at, expires_at)
         SELECT $1, id, $3, $4, $5, $5, $6 FROM accounts WHERE id = $2 AND password_hash = $7",
    )
    .bind(session.id.as_uuid())
    .bind(session.account.as_uuid())
    .bind(&session.token.0[..])
    .bind(&session.network[..])
    .bind(at.as_micros())
    .bind(session.expires_at.as_micros())
    .bind(hash.as_str());
    Ok(insert.execute(connection).await?.rows_affected() == 1)
}

/// Forgets the account's sessions beyond those used last, ended ones first.
pub(super) async fn trim(connection: &mut <Db as Database>::Connection, account: UserId) -> Result<(), StoreError> {
    let delete = sqlx::query(
        "DELETE FROM sessions WHERE id IN (
             SELECT id FROM sessions WHERE account_id = $1
             ORDER BY ended_at IS NOT NULL, last_used_at DESC, id DESC LIMIT 1000 OFFSET $2)",
    )
    .bind(account.as_uuid())
    .bind(i64::from(MAX_SESSIONS));
    delete.execute(connection).await?;
    Ok(())
}

/// Puts the successor in the place of the presented token; answers whose session it is, or none if the presented token
/// is not the newest of a live session.
pub(super) async fn rotate(
    connection: &mut <Db as Database>::Connection,
    rotation: &Rotation,
    at: Timestamp,
) -> Result<Option<UserId>, StoreError> {
    let account: Option<Uuid> = sqlx::query_scalar(
        "UPDATE sessions SET previous_hash = token_hash, token_hash = $3, rotated_at = $4, last_used_at = $4,
                address = $5, expires_at = $6
         WHERE id = $1 AND token_hash = $2 AND ended_at IS NULL AND expires_at > $4
         RETURNING account_id",
    )
    .bind(rotation.session.as_uuid())
    .bind(&rotation.presented.0[..])
    .bind(&rotation.successor.0[..])
    .bind(at.as_micros())
    .bind(&rotation.network[..])
    .bind(rotation.expires_at.as_micros())
    .fetch_optional(connection)
    .await?;
    Ok(account.map(UserId::from))
}

pub(super) async fn family(
    connection: &mut <Db as Database>::Connection,
    id: SessionId,
    at: Timestamp,
) -> Result<Option<Family>, StoreError> {
    type Row = (Uuid, Vec<u8>, Option<Vec<u8>>, Option<i64>, bool);
    let row: Option<Row> = sqlx::query_as(
        "SELECT account_id, token_hash, previous_hash, rotated_at, ended_at IS NULL AND expires_at > $2
         FROM sessions WHERE id = $1",
    )
    .bind(id.as_uuid())
    .bind(at.as_micros())
    .fetch_optional(connection)
    .await?;
    let hash = |bytes: Vec<u8>| {
        let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| StoreError::Unreadable("token hash"))?;
        Ok::<_, StoreError>(TokenHash(bytes))
    };
    row.map(|(account, token, previous, rotated_at, is_live)| {
        Ok(Family {
            account: UserId::from(account),
            token: hash(token)?,
            previous: previous.map(hash).transpose()?,
            rotated_at: rotated_at.map(Timestamp::from_micros),
            is_live,
        })
    })
    .transpose()
}

/// Ends a session that is live; answers whether it was. What it was used from is trusted still.
pub(super) async fn end(
    connection: &mut <Db as Database>::Connection,
    id: SessionId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let update =
        sqlx::query("UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL AND expires_at > $2")
            .bind(id.as_uuid())
            .bind(at.as_micros());
    Ok(update.execute(connection).await?.rows_affected() == 1)
}

/// Ends a session because somebody else may have its token; answers whether it was live.
pub(super) async fn end_distrusted(
    connection: &mut <Db as Database>::Connection,
    id: SessionId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let was_live = end(connection, id, at).await?;
    let update = sqlx::query("UPDATE sessions SET address = NULL WHERE id = $1").bind(id.as_uuid());
    update.execute(connection).await?;
    Ok(was_live)
}

/// Ends an account's live sessions but one; answers which. Where they were used from is not trusted any more.
pub(super) async fn end_all(
    connection: &mut <Db as Database>::Connection,
    account: UserId,
    keep: Option<SessionId>,
    at: Timestamp,
) -> Result<Vec<SessionId>, StoreError> {
    let keep = keep.map_or(Uuid::nil(), SessionId::as_uuid);
    let ended = sqlx::query_scalar(
        "UPDATE sessions SET ended_at = $3 WHERE account_id = $1 AND id <> $2 AND ended_at IS NULL AND expires_at > $3
         RETURNING id",
    );
    let ended: Vec<Uuid> = ended
        .bind(account.as_uuid())
        .bind(keep)
        .bind(at.as_micros())
        .fetch_all(&mut *connection)
        .await?;
    let distrust = sqlx::query("UPDATE sessions SET address = NULL WHERE account_id = $1 AND id <> $2");
    distrust.bind(account.as_uuid()).bind(keep).execute(connection).await?;
    Ok(ended.into_iter().map(SessionId::from).collect())
}

pub(super) async fn purge(
    connection: &mut <Db as Database>::Connection,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let delete = sqlx::query(
        "DELETE FROM sessions WHERE id IN (
             SELECT id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
    )
    .bind(before.as_micros())
    .bind(i64::from(limit));
    Ok(delete.execute(connection).await?.rows_affected())
}
