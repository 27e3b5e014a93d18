//! What SQLite itself can commit on this disk: the ceiling above our checkouts.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection};

use crate::run::count;

/// Units a second of one bare writer, WAL and `synchronous=FULL`, a unit being one guarded update and one insert.
#[derive(Clone, Copy, Debug)]
pub struct SqliteCeiling {
    /// One commit for each unit.
    pub single: f64,
    /// One commit for 64 units, each in a savepoint of its own.
    pub grouped: f64,
}

/// Measures both in a new file under `place`.
pub async fn sqlite(place: &Path, seconds: f64) -> Result<SqliteCeiling> {
    let options = SqliteConnectOptions::new()
        .filename(place.join("ceiling.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query("CREATE TABLE shelf (id INTEGER PRIMARY KEY, stock INTEGER NOT NULL CHECK (stock >= 0)) STRICT")
        .execute(&mut connection)
        .await?;
    sqlx::query("CREATE TABLE sales (id INTEGER PRIMARY KEY, item INTEGER NOT NULL, body TEXT NOT NULL) STRICT")
        .execute(&mut connection)
        .await?;
    sqlx::query(
        "INSERT INTO shelf WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999) \
         SELECT i, 1000000000 FROM n",
    )
    .execute(&mut connection)
    .await?;
    let single = rate(&mut connection, 1, seconds).await?;
    let grouped = rate(&mut connection, 64, seconds).await?;
    connection.close().await?;
    Ok(SqliteCeiling { single, grouped })
}

async fn rate(connection: &mut SqliteConnection, units_a_commit: u32, seconds: f64) -> Result<f64> {
    let begun = Instant::now();
    let limit = Duration::from_secs_f64(seconds);
    let mut done = 0_u32;
    while begun.elapsed() < limit {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
        for _ in 0..units_a_commit {
            unit(connection, done % 1000).await?;
            done += 1;
        }
        sqlx::query("COMMIT").execute(&mut *connection).await?;
    }
    Ok(count(u64::from(done)) / begun.elapsed().as_secs_f64())
}

async fn unit(connection: &mut SqliteConnection, item: u32) -> Result<()> {
    sqlx::query("SAVEPOINT unit").execute(&mut *connection).await?;
    sqlx::query("UPDATE shelf SET stock = stock - 1 WHERE id = $1 AND stock >= 1")
        .bind(item)
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO sales (item, body) VALUES ($1, $2)")
        .bind(item)
        .bind("as much text as an order with one line of its own takes, more or less; it is written, kept, never read")
        .execute(&mut *connection)
        .await?;
    sqlx::query("RELEASE unit").execute(&mut *connection).await?;
    Ok(())
}
