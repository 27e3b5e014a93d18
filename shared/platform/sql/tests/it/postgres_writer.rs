//! What is particular to Postgres: races, and connections that die.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;
use platform_clock::{Clock, ManualClock, SystemClock};
use platform_context::RequestContext;
use platform_events::{Appended, Event};
use platform_sql::postgres::outbox;
use platform_sql::testing::TestDatabase;
use platform_sql::{Batcher, Database, DatabaseConfig, Error, Migrations, PgDatabase, Writer};
use sqlx::{PgConnection, Postgres};
use tokio::sync::Notify;
use tokio::time::Instant;

const MIGRATIONS: Migrations = Migrations::new(&[(
    "0001_create",
    "CREATE TABLE number (value BIGINT PRIMARY KEY, times BIGINT NOT NULL)",
)]);

async fn fresh() -> Option<(TestDatabase, PgDatabase)> {
    let guard = TestDatabase::postgres().await?;
    let Database::Postgres(database) = guard.open("numbers").await else {
        unreachable!("it is on a server")
    };
    database.migrate(&MIGRATIONS).await.unwrap();
    for value in [1_i64, 2] {
        database
            .writer()
            .run(value, |connection, &value| Box::pin(add(connection, value)))
            .await
            .unwrap();
    }
    Some((guard, database))
}

async fn add(connection: &mut PgConnection, value: i64) -> Result<(), Error> {
    let add = sqlx::query("INSERT INTO number (value, times) VALUES ($1, 0)");
    add.bind(value).execute(connection).await?;
    Ok(())
}

async fn touch(connection: &mut PgConnection, value: i64) -> Result<(), Error> {
    let touch = sqlx::query("UPDATE number SET times = times + 1 WHERE value = $1");
    touch.bind(value).execute(connection).await?;
    Ok(())
}

async fn times(database: &PgDatabase) -> i64 {
    let reader = database.reader();
    let read = reader.run((), |connection, ()| {
        Box::pin(async move {
            let sum = sqlx::query_scalar("SELECT SUM(times)::bigint FROM number");
            Ok::<i64, Error>(sum.fetch_one(connection).await?)
        })
    });
    read.await.unwrap()
}

/// Ends all other connections of this database, as a restart of the server would.
async fn cut(database: &PgDatabase, guard: &TestDatabase) {
    let DatabaseConfig::Postgres(config) = guard.config() else {
        unreachable!("it is on a server")
    };
    let mut admin = <PgConnection as sqlx::Connection>::connect(&config.url).await.unwrap();
    assert!(
        database.reader().pool().num_idle() > 0,
        "a connection waits in the pool"
    );
    sqlx::query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        .execute(&mut admin)
        .await
        .unwrap();
}

async fn fill_pool(database: &PgDatabase) {
    let readers = (0..6).map(|_| database.ping());
    assert!(join_all(readers).await.into_iter().all(|answer| answer.is_ok()));
    while database.reader().pool().num_idle() < 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_read_and_a_unit_survive_that_every_connection_in_the_pool_has_died() {
    let Some((guard, database)) = fresh().await else { return };
    fill_pool(&database).await;
    cut(&database, &guard).await;
    assert_eq!(times(&database).await, 0);
    fill_pool(&database).await;
    cut(&database, &guard).await;
    database
        .writer()
        .run(1, |connection, &value| Box::pin(touch(connection, value)))
        .await
        .unwrap();
    assert_eq!(times(&database).await, 1);
}

#[tokio::test]
async fn units_that_deadlock_are_run_again() {
    let Some((_guard, database)) = fresh().await else {
        return;
    };
    let writer = database.writer();
    let runs = Arc::new(AtomicU32::new(0));
    let met = Arc::new(tokio::sync::Barrier::new(2));
    let unit = |first: i64, second: i64| {
        let input = (first, second, Arc::clone(&runs), Arc::clone(&met));
        writer.run(input, |connection, (first, second, runs, met)| {
            Box::pin(async move {
                touch(connection, *first).await?;
                // Both hold their first row before they ask for the other's; what runs again meets nobody.
                if runs.fetch_add(1, Ordering::SeqCst) < 2 {
                    met.wait().await;
                }
                touch(connection, *second).await
            })
        })
    };
    let (one, two) = tokio::join!(unit(1, 2), unit(2, 1));
    one.unwrap();
    two.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 3);
    assert_eq!(times(&database).await, 4);
}

#[tokio::test]
async fn a_unit_reads_no_table_whole_however_small_it_was_when_its_statement_was_planned() {
    let Some((_guard, database)) = fresh().await else {
        return;
    };
    let writer = database.writer();
    let rows_read_whole = async |values: Vec<i64>| {
        let unit = writer.run(values, |connection, values| {
            Box::pin(async move {
                let update = "UPDATE number SET times = times + 1 FROM UNNEST($1::bigint[]) AS wanted (value)
                    WHERE number.value = wanted.value";
                sqlx::query(update).bind(values).execute(&mut *connection).await?;
                let read = "SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'number'";
                Ok::<i64, Error>(sqlx::query_scalar(read).fetch_one(connection).await?)
            })
        });
        unit.await.unwrap()
    };
    for _ in 0..6 {
        assert_eq!(rows_read_whole(vec![1, 2]).await, 0);
    }
    let fill = writer.run((), |connection, ()| {
        Box::pin(async move {
            let fill = sqlx::query("INSERT INTO number SELECT value, 0 FROM generate_series(3, 2000) AS value");
            fill.execute(connection).await?;
            Ok::<_, Error>(())
        })
    });
    fill.await.unwrap();
    for values in [vec![7], (1..=50).collect()] {
        assert_eq!(rows_read_whole(values).await, 0);
    }
}

#[tokio::test]
async fn who_reads_along_gets_what_a_later_unit_overtook() {
    let Some((_guard, database)) = fresh().await else {
        return;
    };
    let (writer, log, clock) = (database.writer(), database.outbox_log(), ManualClock::default());
    let event = |subject: &str| Event::new(clock.new_id(), "a.b.v1", "/test", subject, clock.now(), &()).unwrap();
    let (appended, overtaken) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut place = log.end(clock.now()).await.unwrap();

    let input = (event("slow"), appended.clone(), overtaken.clone());
    let slow = writer.run(input, |connection, (event, appended, overtaken)| {
        Box::pin(async move {
            outbox::append(connection, std::slice::from_ref(event)).await?;
            appended.notify_one();
            overtaken.notified().await;
            Ok::<_, Error>(())
        })
    });
    let fast = async {
        appended.notified().await;
        let fast = writer.run(event("fast"), |connection, event| {
            Box::pin(outbox::append(connection, std::slice::from_ref(event)))
        });
        fast.await.unwrap();
        let rows = log.after(&place, 10).await.unwrap();
        overtaken.notify_one();
        rows
    };
    let (slow, first) = tokio::join!(slow, fast);
    slow.unwrap();
    place.pass(&first, clock.now(), log.settles_after());
    let second = log.after(&place, 10).await.unwrap();
    place.pass(&second, clock.now(), log.settles_after());
    let subjects = |rows: &[Appended]| rows.iter().map(|row| row.subject.clone()).collect::<Vec<_>>();
    assert_eq!(
        (subjects(&first), subjects(&second)),
        (vec!["fast".to_owned()], vec!["slow".to_owned()])
    );
    assert_eq!(log.after(&place, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_unit_that_panics_is_rolled_back_and_its_connection_is_good() {
    let Some((_guard, database)) = fresh().await else {
        return;
    };
    let panicked: Result<(), Error> = database
        .writer()
        .run(1, |connection, &value| {
            Box::pin(async move {
                touch(connection, value).await?;
                panic!("as the test wants it")
            })
        })
        .await;
    assert!(matches!(panicked, Err(Error::Fault(_))));
    assert_eq!(times(&database).await, 0);
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable_and_not_a_fault() {
    let config = platform_sql::PostgresConfig::new("postgres://nobody@127.0.0.1:1/none");
    let refused = PgDatabase::connect(&config, "numbers", Arc::new(SystemClock))
        .await
        .unwrap_err();
    assert!(matches!(
        refused,
        platform_sql::OpenError::Database(Error::Unavailable(_))
    ));
}

#[tokio::test]
async fn waiting_for_a_lock_ends_with_unavailable() {
    let Some((_guard, database)) = fresh().await else {
        return;
    };
    let writer = database.writer();
    let waiting = writer.run((), |connection, ()| {
        Box::pin(async move {
            sqlx::raw_sql("SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(5)")
                .execute(connection)
                .await?;
            Ok::<_, Error>(())
        })
    });
    assert!(matches!(waiting.await, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn a_statement_ends_with_the_request_it_is_run_for_and_no_later_one_feels_it() {
    let Some((_guard, database)) = fresh().await else {
        return;
    };
    let writer = database.writer();
    let timeout = || {
        writer.run((), |connection, ()| {
            Box::pin(async move {
                let shown =
                    sqlx::query_scalar("SELECT setting::bigint FROM pg_settings WHERE name = 'statement_timeout'");
                Ok::<i64, Error>(shown.fetch_one(connection).await?)
            })
        })
    };
    let mut context = RequestContext::detached();
    context.narrow_deadline(Instant::now() + Duration::from_secs(3));
    let of_request = context.scope(timeout()).await.unwrap();
    assert!((1..=3000).contains(&of_request), "{of_request}");
    assert_eq!(timeout().await.unwrap(), 10_000);
    context.narrow_deadline(Instant::now());
    let too_late = context.scope(timeout()).await;
    assert!(matches!(too_late, Ok(1) | Err(Error::Unavailable(_))), "{too_late:?}");
}

/// What a dialect file does: one statement for all that wait, one by one when one of them is refused.
async fn add_all(writer: Writer<Postgres>, values: Vec<i64>) -> Vec<Result<(), Error>> {
    let values = Arc::new(values);
    let together = writer.run(Arc::clone(&values), |connection, values| {
        Box::pin(async move {
            let add =
                sqlx::query("INSERT INTO number (value, times) SELECT value, 0 FROM UNNEST($1::bigint[]) AS value");
            add.bind(&values[..]).execute(connection).await?;
            Ok::<_, Error>(())
        })
    });
    if together.await.is_ok() {
        return values.iter().map(|_| Ok(())).collect();
    }
    let mut results = Vec::with_capacity(values.len());
    for &value in values.iter() {
        results.push(
            writer
                .run(value, |connection, &value| Box::pin(add(connection, value)))
                .await,
        );
    }
    results
}

#[tokio::test]
async fn of_a_batch_with_a_refusal_all_others_are_done() {
    let Some((_guard, database)) = fresh().await else {
        return;
    };
    let writer = database.writer();
    let batcher = Batcher::start(1, move |values| add_all(writer.clone(), values));
    // 1 and 2 are there already.
    let results = join_all((1..=40).map(|value| batcher.run(value))).await;
    let refused: Vec<usize> = (0..40).filter(|&at| results[at].is_err()).collect();
    assert_eq!(refused, [0, 1]);
    let violation = results.into_iter().find_map(Result::err).unwrap();
    assert!(violation.is_unique_violation("number_pkey", ""));
}
