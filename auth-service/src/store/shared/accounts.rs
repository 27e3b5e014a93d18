//! The table of accounts.

use platform_identity::{Role, Roles};
use sqlx::Database;
use uuid::Uuid;
use values::{Email, PersonName, Timestamp, UserId};

use super::Db;
use crate::password::PasswordHash;
use crate::store::{Account, Credentials, NetworkFingerprint, NewAccount, PasswordChange, StoreError, role_names};

type Row = (Uuid, String, String, String, i64, Option<i64>, i64, i64);
type CredentialsRow = (Uuid, String, String, String, i64, Option<i64>, i64, i64, String, bool);

pub(super) async fn insert(
    connection: &mut <Db as Database>::Connection,
    account: &NewAccount,
    at: Timestamp,
) -> Result<Account, StoreError> {
    let insert = sqlx::query(
        "INSERT INTO accounts (id, email, email_key, name, password_hash, roles, version, profile_due, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7, $7)",
    )
    .bind(account.id.as_uuid())
    .bind(account.email.as_str())
    .bind(account.email.key())
    .bind(account.name.as_str())
    .bind(account.hash.as_str())
    .bind(roles_text(account.roles))
    .bind(at.as_micros())
    .execute(connection)
    .await;
    match insert.map_err(platform_sql::Error::from) {
        Err(error) if error.is_unique_violation("accounts_email", "accounts.email_key") => Err(StoreError::EmailTaken),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(Account {
            id: account.id,
            email: account.email.clone(),
            name: account.name.clone(),
            roles: account.roles,
            version: 1,
            profile_due: Some(at),
            created_at: at,
            updated_at: at,
        }),
    }
}

pub(super) async fn find_by_email(
    connection: &mut <Db as Database>::Connection,
    email_key: &str,
    network: &NetworkFingerprint,
) -> Result<Option<Credentials>, StoreError> {
    let row: Option<CredentialsRow> = sqlx::query_as(
        "SELECT id, email, name, roles, version, profile_due, created_at, updated_at, password_hash,
                EXISTS (SELECT 1 FROM sessions WHERE account_id = accounts.id AND address = $2)
         FROM accounts WHERE email_key = $1",
    )
    .bind(email_key)
    .bind(&network[..])
    .fetch_optional(connection)
    .await?;
    row.map(credentials).transpose()
}

pub(super) async fn find(
    connection: &mut <Db as Database>::Connection,
    id: UserId,
) -> Result<Option<Credentials>, StoreError> {
    let row: Option<CredentialsRow> = sqlx::query_as(
        "SELECT id, email, name, roles, version, profile_due, created_at, updated_at, password_hash, 1 = 0
         FROM accounts WHERE id = $1",
    )
    .bind(id.as_uuid())
    .fetch_optional(connection)
    .await?;
    row.map(credentials).transpose()
}

/// Whether the password was still the old one, and is the new one now.
pub(super) async fn change_password(
    connection: &mut <Db as Database>::Connection,
    change: &PasswordChange,
) -> Result<bool, StoreError> {
    let update = sqlx::query("UPDATE accounts SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
        .bind(change.account.as_uuid())
        .bind(change.old.as_str())
        .bind(change.new.as_str());
    Ok(update.execute(connection).await?.rows_affected() == 1)
}

/// Writes other roles if the account still has that version; answers whether it did.
pub(super) async fn set_roles(
    connection: &mut <Db as Database>::Connection,
    account: &Account,
    roles: Roles,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let update = sqlx::query(
        "UPDATE accounts SET roles = $3, version = version + 1, profile_due = $4, updated_at = $4
         WHERE id = $1 AND version = $2",
    )
    .bind(account.id.as_uuid())
    .bind(account.version)
    .bind(roles_text(roles))
    .bind(at.as_micros());
    Ok(update.execute(connection).await?.rows_affected() == 1)
}

pub(super) async fn has_admin(connection: &mut <Db as Database>::Connection) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM accounts WHERE roles <> '[\"customer\"]' AND roles LIKE '%\"admin\"%')",
    );
    Ok(found.fetch_one(connection).await?)
}

pub(super) async fn acknowledge_profile(
    connection: &mut <Db as Database>::Connection,
    id: UserId,
    version: i64,
) -> Result<(), StoreError> {
    let update = sqlx::query("UPDATE accounts SET profile_due = NULL WHERE id = $1 AND version = $2")
        .bind(id.as_uuid())
        .bind(version);
    update.execute(connection).await?;
    Ok(())
}

pub(super) async fn due_profiles(
    connection: &mut <Db as Database>::Connection,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<Account>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, email, name, roles, version, profile_due, created_at, updated_at FROM accounts
         WHERE profile_due < $1 ORDER BY profile_due LIMIT $2",
    )
    .bind(before.as_micros())
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(account).collect()
}

fn credentials(row: CredentialsRow) -> Result<Credentials, StoreError> {
    let (id, email, name, roles, version, profile_due, created_at, updated_at, hash, network_known) = row;
    Ok(Credentials {
        account: account((id, email, name, roles, version, profile_due, created_at, updated_at))?,
        hash: PasswordHash::from_stored(hash),
        network_known,
    })
}

fn account((id, email, name, roles, version, profile_due, created_at, updated_at): Row) -> Result<Account, StoreError> {
    let names: Vec<String> = serde_json::from_str(&roles).map_err(|_| StoreError::Unreadable("set of roles"))?;
    Ok(Account {
        id: UserId::from(id),
        email: Email::try_from(email).map_err(|_| StoreError::Unreadable("email"))?,
        name: PersonName::try_from(name).map_err(|_| StoreError::Unreadable("name"))?,
        // A role that only a newer version knows gives no rights here.
        roles: names.iter().filter_map(|name| name.parse::<Role>().ok()).collect(),
        version,
        profile_due: profile_due.map(Timestamp::from_micros),
        created_at: Timestamp::from_micros(created_at),
        updated_at: Timestamp::from_micros(updated_at),
    })
}

fn roles_text(roles: Roles) -> String {
    serde_json::Value::from(role_names(roles)).to_string()
}
