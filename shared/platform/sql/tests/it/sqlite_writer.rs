//! What is particular to SQLite's writer: units that share a commit.

use std::sync::Arc;

use futures::future::join_all;
use platform_sql::testing::TestDatabase;
use platform_sql::{Database, Error, Migrations, SqliteDatabase, Writer};
use sqlx::{Sqlite, SqliteConnection};
use tokio::sync::Semaphore;

const MIGRATIONS: Migrations = Migrations::new(&[(
    "0001_create",
    "CREATE TABLE parent (id INTEGER PRIMARY KEY) STRICT;
     CREATE TABLE number (
         value INTEGER PRIMARY KEY,
         parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED
     ) STRICT;",
)]);

async fn fresh() -> (TestDatabase, SqliteDatabase) {
    let directory = TestDatabase::sqlite();
    let Database::Sqlite(database) = directory.open("numbers").await else {
        unreachable!("a directory holds SQLite files")
    };
    database.migrate(&MIGRATIONS).await.unwrap();
    (directory, database)
}

async fn add(connection: &mut SqliteConnection, value: i64) -> Result<i64, Error> {
    sqlx::query("INSERT INTO number (value) VALUES ($1)")
        .bind(value)
        .execute(connection)
        .await?;
    Ok(value)
}

async fn numbers(database: &SqliteDatabase) -> Vec<i64> {
    let reader = database.reader();
    let read = reader.run((), |connection, ()| {
        Box::pin(async move {
            let values = sqlx::query_scalar("SELECT value FROM number ORDER BY value");
            Ok::<Vec<i64>, Error>(values.fetch_all(connection).await?)
        })
    });
    read.await.unwrap()
}

/// Keeps the writer busy until the permit comes, so that what follows shares one commit.
async fn hold(writer: &Writer<Sqlite>) -> (Arc<Semaphore>, tokio::task::JoinHandle<Result<(), Error>>) {
    let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (writer, input) = (writer.clone(), (Arc::clone(&begun), Arc::clone(&gate)));
    let held = tokio::spawn(async move {
        let unit = writer.run(input, |_, (begun, gate)| {
            Box::pin(async move {
                begun.add_permits(1);
                gate.acquire().await.unwrap().forget();
                Ok(())
            })
        });
        unit.await
    });
    begun.acquire().await.unwrap().forget();
    (gate, held)
}

#[tokio::test]
async fn of_units_that_share_a_commit_the_refused_and_the_panicking_leave_nothing() {
    let (_directory, database) = fresh().await;
    let writer = database.writer();
    let (gate, held) = hold(&writer).await;
    let units = (0..30_i64).map(|value| {
        writer.run(value, |connection, &value| {
            Box::pin(async move {
                add(connection, value).await?;
                assert!(value % 3 != 1, "as the test wants it");
                if value % 3 == 2 {
                    return Err(Error::from(sqlx::Error::RowNotFound));
                }
                Ok(value)
            })
        })
    });
    let (results, ()) = tokio::join!(join_all(units), async { gate.add_permits(1) });
    held.await.unwrap().unwrap();
    let kept: Vec<i64> = results.into_iter().flatten().collect();
    assert_eq!(kept, (0..30).step_by(3).collect::<Vec<_>>());
    assert_eq!(numbers(&database).await, kept);
}

#[tokio::test]
async fn a_unit_alone_that_panics_or_is_refused_leaves_nothing_and_the_writer_goes_on() {
    let (_directory, database) = fresh().await;
    let writer = database.writer();
    let panicked: Result<(), Error> = writer
        .run((), |connection, ()| {
            Box::pin(async move {
                add(connection, 1).await?;
                panic!("as the test wants it")
            })
        })
        .await;
    assert!(matches!(panicked, Err(Error::Fault(_))));
    let refused = writer.run((), |connection, ()| {
        Box::pin(async move {
            add(connection, 2).await?;
            Err::<(), _>(Error::from(sqlx::Error::RowNotFound))
        })
    });
    assert!(refused.await.is_err());
    writer
        .run(3, |connection, &value| Box::pin(add(connection, value)))
        .await
        .unwrap();
    assert_eq!(numbers(&database).await, [3]);
}

#[tokio::test]
async fn a_commit_that_fails_is_answered_to_all_and_the_writer_goes_on() {
    let (_directory, database) = fresh().await;
    let writer = database.writer();
    let (gate, held) = hold(&writer).await;
    let good = writer.run(1, |connection, &value| Box::pin(add(connection, value)));
    // Its parent is missing, which SQLite notices at the commit.
    let bad = writer.run((), |connection, ()| {
        Box::pin(async move {
            sqlx::query("INSERT INTO number (value, parent) VALUES (2, 7)")
                .execute(connection)
                .await?;
            Ok::<_, Error>(())
        })
    });
    let (good, bad, ()) = tokio::join!(good, bad, async { gate.add_permits(1) });
    held.await.unwrap().unwrap();
    assert!(matches!(good, Err(Error::Unavailable(_))));
    assert!(matches!(bad, Err(Error::Unavailable(_))));
    writer
        .run(3, |connection, &value| Box::pin(add(connection, value)))
        .await
        .unwrap();
    assert_eq!(numbers(&database).await, [3]);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_undo_its_unit() {
    let (_directory, database) = fresh().await;
    let writer = database.writer();
    let (gate, held) = hold(&writer).await;
    let caller = tokio::spawn({
        let writer = writer.clone();
        async move {
            writer
                .run(1, |connection, &value| Box::pin(add(connection, value)))
                .await
        }
    });
    tokio::task::yield_now().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    gate.add_permits(1);
    held.await.unwrap().unwrap();
    // Whatever was queued before this unit is committed when it answers.
    writer
        .run(2, |connection, &value| Box::pin(add(connection, value)))
        .await
        .unwrap();
    assert_eq!(numbers(&database).await, [1, 2]);
}

#[tokio::test]
async fn what_waits_is_committed_before_the_writer_closes_and_later_units_are_refused() {
    let (_directory, database) = fresh().await;
    let writer = database.writer();
    let units: Vec<_> = (0..10)
        .map(|value| writer.run(value, |connection, &value| Box::pin(add(connection, value))))
        .collect();
    let (results, ()) = tokio::join!(join_all(units), database.close());
    assert!(results.into_iter().all(|result| result.is_ok()));
    let late = writer
        .run(11, |connection, &value| Box::pin(add(connection, value)))
        .await;
    assert!(matches!(late, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let (_directory, database) = fresh().await;
    let write = database
        .reader()
        .run(1, |connection, &value| Box::pin(add(connection, value)))
        .await;
    assert!(write.is_err());
    assert!(numbers(&database).await.is_empty());
}

#[tokio::test]
async fn a_unit_that_appended_nothing_wakes_nobody() {
    let (_directory, database) = fresh().await;
    database
        .writer()
        .run(1, |connection, &value| Box::pin(add(connection, value)))
        .await
        .unwrap();
    let wake = database.wake();
    let mut woken = Box::pin(wake.woken());
    assert!(futures::poll!(&mut woken).is_pending());
}
