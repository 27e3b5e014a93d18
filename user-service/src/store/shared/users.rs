//! The table of users.

use sqlx::{Database, QueryBuilder};
use user_api::{AccountCopy, User};
use uuid::Uuid;
use values::{Email, PersonName, Timestamp, UserId};

use super::Db;
use crate::store::{StoreError, StoredUser, Wanted};
use crate::words::indexed;

type Row = (Uuid, String, String, String, i64, i64, i64, i64);

/// Inserts, or updates the copies if the account's version is higher. None if there was nothing to do.
pub(super) async fn upsert(
    connection: &mut <Db as Database>::Connection,
    account: &AccountCopy,
    at: Timestamp,
) -> Result<Option<StoredUser>, StoreError> {
    let roles = serde_json::to_string(&account.roles).map_err(|error| StoreError::Unreadable(error.to_string()))?;
    let row: Option<Row> = sqlx::query_as(
        "INSERT INTO users (id, email, name, roles, account_version, name_words, email_words, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8)
         ON CONFLICT (id) DO UPDATE SET email = excluded.email, email_words = excluded.email_words,
             roles = excluded.roles, account_version = excluded.account_version,
             version = users.version + 1, updated_at = $9
         WHERE users.account_version < excluded.account_version
         RETURNING id, email, name, roles, account_version, version, created_at, updated_at",
    )
    .bind(account.id.as_uuid())
    .bind(account.email.as_str())
    .bind(&account.name)
    .bind(roles)
    .bind(account.account_version)
    .bind(indexed(&account.name))
    .bind(indexed(account.email.as_str()))
    .bind(account.created_at.as_micros())
    .bind(at.as_micros())
    .fetch_optional(connection)
    .await?;
    row.map(user).transpose()
}

pub(super) async fn find(
    connection: &mut <Db as Database>::Connection,
    id: UserId,
) -> Result<Option<StoredUser>, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, email, name, roles, account_version, version, created_at, updated_at FROM users WHERE id = $1",
    )
    .bind(id.as_uuid())
    .fetch_optional(connection)
    .await?;
    row.map(user).transpose()
}

pub(super) async fn get(connection: &mut <Db as Database>::Connection, id: UserId) -> Result<StoredUser, StoreError> {
    let found = find(connection, id).await?;
    found.ok_or_else(|| StoreError::Unreadable("it was there a moment ago".to_owned()))
}

/// None if there is no such row, or none of that version.
pub(super) async fn rename(
    connection: &mut <Db as Database>::Connection,
    id: UserId,
    name: &PersonName,
    version: Option<i64>,
    at: Timestamp,
) -> Result<Option<StoredUser>, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "UPDATE users SET name = $2, name_words = $3, version = version + 1, updated_at = $4
         WHERE id = $1 AND (version = $5 OR $5 = 0)
         RETURNING id, email, name, roles, account_version, version, created_at, updated_at",
    )
    .bind(id.as_uuid())
    .bind(name.as_str())
    .bind(indexed(name.as_str()))
    .bind(at.as_micros())
    .bind(version.unwrap_or(0))
    .fetch_optional(connection)
    .await?;
    row.map(user).transpose()
}

pub(super) async fn list(
    connection: &mut <Db as Database>::Connection,
    wanted: &Wanted,
) -> Result<Vec<StoredUser>, StoreError> {
    let mut query = QueryBuilder::<Db>::new(
        "SELECT id, email, name, roles, account_version, version, created_at, updated_at FROM users WHERE 1 = 1",
    );
    push_patterns(&mut query, &wanted.patterns);
    if let Some((at, id)) = wanted.after {
        query.push(" AND (created_at, id) < (").push_bind(at.as_micros());
        query.push(", ").push_bind(id.as_uuid()).push(")");
    }
    query.push(" ORDER BY created_at DESC, id DESC LIMIT ");
    query.push_bind(i64::from(wanted.limit));
    let rows: Vec<Row> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(user).collect()
}

pub(super) async fn count(
    connection: &mut <Db as Database>::Connection,
    patterns: &[String],
) -> Result<u64, StoreError> {
    let mut query = QueryBuilder::<Db>::new("SELECT COUNT(*) FROM users WHERE 1 = 1");
    push_patterns(&mut query, patterns);
    let count: i64 = query.build_query_scalar().fetch_one(connection).await?;
    Ok(count.cast_unsigned())
}

fn push_patterns(query: &mut QueryBuilder<Db>, patterns: &[String]) {
    for pattern in patterns {
        query
            .push(" AND (name_words || email_words) LIKE ")
            .push_bind(pattern.clone());
    }
}

fn user(
    (id, email, name, roles, account_version, version, created_at, updated_at): Row,
) -> Result<StoredUser, StoreError> {
    let unreadable = |what: &str| StoreError::Unreadable(format!("{what} of {}", UserId::from(id)));
    let user = User {
        id: UserId::from(id),
        email: Email::try_from(email).map_err(|_| unreadable("email"))?,
        name,
        roles: serde_json::from_str(&roles).map_err(|_| unreadable("roles"))?,
        created_at: Timestamp::from_micros(created_at),
        updated_at: Timestamp::from_micros(updated_at),
    };
    Ok(StoredUser {
        user,
        account_version,
        version,
    })
}
