//! How many units of three statements a second, and how many events from an outbox through the relay: `cargo run --release -p platform-sql --example units_per_second`.
//! With `TEST_POSTGRES_URL` set, Postgres too.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement prints, or has failed"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use platform_clock::SystemClock;
use platform_events::testing::{Recorder, event};
use platform_events::{Bus, Event, InProcessBus, Relay, Topics};
use platform_sql::testing::TestDatabase;
use platform_sql::{Database, Error, Migrations};
use tokio_util::sync::CancellationToken;

const ROWS: i64 = 1_000;
const EVENTS: u32 = 20_000;
const LASTS: Duration = Duration::from_secs(4);

const CREATE: Migrations = Migrations::new(&[(
    "0001_create",
    "CREATE TABLE stock (id BIGINT PRIMARY KEY, reserved BIGINT NOT NULL);
     CREATE TABLE ledger (id BIGINT NOT NULL, at BIGINT NOT NULL);
     CREATE TABLE head (id BIGINT PRIMARY KEY, times BIGINT NOT NULL)",
)]);

macro_rules! engine {
    ($module:ident, $db:ty) => {
        mod $module {
            use super::*;
            type Connection = <$db as sqlx::Database>::Connection;

            async fn fill(connection: &mut Connection) -> Result<(), Error> {
                for id in 0..ROWS {
                    let stock = sqlx::query("INSERT INTO stock (id, reserved) VALUES ($1, 0)");
                    stock.bind(id).execute(&mut *connection).await?;
                    let head = sqlx::query("INSERT INTO head (id, times) VALUES ($1, 0)");
                    head.bind(id).execute(&mut *connection).await?;
                }
                Ok(())
            }

            async fn unit(connection: &mut Connection, id: i64) -> Result<(), Error> {
                let reserve = sqlx::query("UPDATE stock SET reserved = reserved + 1 WHERE id = $1");
                reserve.bind(id).execute(&mut *connection).await?;
                let ledger = sqlx::query("INSERT INTO ledger (id, at) VALUES ($1, $1)");
                ledger.bind(id).execute(&mut *connection).await?;
                let head = sqlx::query("UPDATE head SET times = times + 1 WHERE id = $1");
                head.bind(id).execute(connection).await?;
                Ok(())
            }

            pub(super) async fn append(writer: platform_sql::Writer<$db>) {
                for _ in 0..EVENTS / 100 {
                    let events: Vec<Event> = (0..100).map(|number| event("thing.made.v1", number)).collect();
                    let unit = writer.run(events, |connection, events| {
                        Box::pin(platform_sql::$module::outbox::append(connection, events))
                    });
                    unit.await.unwrap();
                }
            }

            pub(super) async fn measure(writer: platform_sql::Writer<$db>, name: &str) {
                writer
                    .run((), |connection, ()| Box::pin(fill(connection)))
                    .await
                    .unwrap();
                for callers in [1_u32, 16, 64] {
                    let begun = Instant::now();
                    let work = (0..callers).map(|caller| {
                        let writer = writer.clone();
                        tokio::spawn(async move {
                            let mut done = 0_u32;
                            while begun.elapsed() < LASTS {
                                let id = (i64::from(caller) * 7_919 + i64::from(done) * 104_729) % ROWS;
                                writer
                                    .run(id, |connection, &id| Box::pin(unit(connection, id)))
                                    .await
                                    .unwrap();
                                done += 1;
                            }
                            done
                        })
                    });
                    let done: u32 = join_all(work).await.into_iter().map(Result::unwrap).sum();
                    println!(
                        "{name}, {callers} callers: {:.0} units/s",
                        f64::from(done) / begun.elapsed().as_secs_f64()
                    );
                }
            }
        }
    };
}

engine!(sqlite, sqlx::Sqlite);
engine!(postgres, sqlx::Postgres);

/// How long the relay takes for what waits, with a subscriber that does nothing.
async fn relay(database: &Database, name: &str) {
    let clock = Arc::new(SystemClock);
    let bus = InProcessBus::new(clock.clone());
    let (counting, letters) = (Recorder::taking(), database.dead_letters());
    bus.subscribe_durable("measured.counting", Topics::new(["thing.*"]), counting.clone(), letters)
        .await
        .unwrap();
    let (stop, begun) = (CancellationToken::new(), Instant::now());
    let relay = Relay::new("measured", database.outbox(), Arc::new(bus), clock, database.wake());
    let relay = tokio::spawn(relay.run(stop.clone()));
    counting.has_taken(EVENTS as usize).await;
    println!(
        "{name}: {:.0} events/s through the relay",
        f64::from(EVENTS) / begun.elapsed().as_secs_f64()
    );
    stop.cancel();
    relay.await.unwrap();
}

#[tokio::main]
async fn main() {
    for database in [Some(TestDatabase::sqlite()), TestDatabase::postgres().await] {
        let Some(test) = &database else { continue };
        match test.open("measured").await {
            Database::Sqlite(database) => {
                database.migrate(&CREATE).await.unwrap();
                sqlite::measure(database.writer(), "SQLite").await;
                sqlite::append(database.writer()).await;
                relay(&Database::Sqlite(database), "SQLite").await;
            }
            Database::Postgres(database) => {
                database.migrate(&CREATE).await.unwrap();
                postgres::measure(database.writer(), "Postgres").await;
                postgres::append(database.writer()).await;
                relay(&Database::Postgres(database), "Postgres").await;
            }
        }
    }
}
