//! The table of sealed keys.

use sqlx::Database;
use values::Timestamp;

use super::Db;
use crate::keys::SealedKey;
use crate::store::StoreError;

pub(super) async fn all(connection: &mut <Db as Database>::Connection) -> Result<Vec<SealedKey>, StoreError> {
    let rows = sqlx::query_as("SELECT purpose, generation, sealed, created_at FROM sealed_keys");
    let rows: Vec<(String, i64, Vec<u8>, i64)> = rows.fetch_all(connection).await?;
    let keys = rows
        .into_iter()
        .map(|(purpose, generation, sealed, created_at)| SealedKey {
            purpose,
            generation,
            sealed,
            created_at: Timestamp::from_micros(created_at),
        });
    Ok(keys.collect())
}

pub(super) async fn add(connection: &mut <Db as Database>::Connection, keys: &[SealedKey]) -> Result<(), StoreError> {
    for key in keys {
        sqlx::query(
            "INSERT INTO sealed_keys (purpose, generation, sealed, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (purpose, generation) DO NOTHING",
        )
        .bind(&key.purpose)
        .bind(key.generation)
        .bind(&key.sealed)
        .bind(key.created_at.as_micros())
        .execute(&mut *connection)
        .await?;
    }
    let drop = sqlx::query(
        "DELETE FROM sealed_keys WHERE purpose = 'signing'
         AND generation < (SELECT MAX(generation) - 2 FROM sealed_keys WHERE purpose = 'signing')",
    );
    drop.execute(connection).await?;
    Ok(())
}
