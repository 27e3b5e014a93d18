//! One server, four schemas, four roles.

use std::time::Duration;

use platform_sql::DatabaseConfig;
use platform_sql::testing::TestDatabase;
use platform_testing::{NatsServer, Process};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::shop::{Shop, binary, borrowed, settings, stoa};

const SERVICES: [&str; 4] = ["auth", "order", "product", "user"];

async fn login(database: &TestDatabase) -> (PgConnectOptions, PgConnection) {
    let DatabaseConfig::Postgres(server) = database.config() else {
        unreachable!("it is on a server")
    };
    let options: PgConnectOptions = server.url.parse().unwrap();
    let connection = options.connect().await.unwrap();
    (options, connection)
}

#[tokio::test]
async fn postgres_a_service_has_no_right_at_all_in_a_neighbours_schema() {
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    assert!(stoa(&["migrate"], &settings(&database)).await.status.success());
    let (options, mut connection) = login(&database).await;
    let name = options.get_database().unwrap();
    // Every table of every service, and every role that may do something with it.
    let rights: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT n.nspname::text, c.relname::text, r.rolname::text
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN pg_roles r
         WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'v', 'm') AND starts_with(r.rolname::text, $2)
           AND (has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                OR has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))",
    )
    .bind(SERVICES)
    .bind(format!("{name}_"))
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert!(rights.len() > 20, "{rights:?}");
    for (schema, table, role) in &rights {
        assert_eq!(
            *role,
            format!("{name}_{schema}"),
            "{role} has rights in {schema}.{table}"
        );
    }
    let usage: Vec<(String, String)> = sqlx::query_as(
        "SELECT n.nspname::text, r.rolname::text FROM pg_namespace n CROSS JOIN pg_roles r
         WHERE n.nspname = ANY ($1) AND starts_with(r.rolname::text, $2)
           AND has_schema_privilege(r.oid, n.oid, 'USAGE, CREATE')",
    )
    .bind(SERVICES)
    .bind(format!("{name}_"))
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert_eq!(usage.len(), SERVICES.len(), "{usage:?}");

    let orders = database.open("order").await;
    let platform_sql::Database::Postgres(orders) = orders else {
        unreachable!("it is on a server")
    };
    let mut as_orders = orders.reader().pool().acquire().await.unwrap();
    let own = sqlx::query("SELECT count(*) FROM \"order\".orders").execute(&mut *as_orders);
    assert!(own.await.is_ok());
    let foreign = sqlx::query("SELECT count(*) FROM product.stock").execute(&mut *as_orders);
    let refused = foreign.await.unwrap_err();
    assert!(refused.to_string().contains("permission denied"), "{refused}");
}

#[tokio::test]
async fn postgres_a_plain_login_works_once_an_operator_has_provisioned_for_it() {
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    let (options, mut connection) = login(&database).await;
    let name = format!("{}_plain", options.get_database().unwrap());
    // A name cannot be bound where a role is made.
    sqlx::query("SELECT set_config('test.login', $1, false)")
        .bind(&name)
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::raw_sql("DO $$ BEGIN EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT PASSWORD ''secret''', current_setting('test.login')); END $$")
        .execute(&mut connection)
        .await
        .unwrap();
    let plain = options.username(&name).password("secret").to_url_lossy().to_string();
    let as_admin = settings(&database);
    let mut as_plain = as_admin.clone();
    as_plain[0].1 = plain;
    as_plain.push(("RUST_LOG", "error".to_owned()));

    let refused = stoa(&["serve"], &as_plain).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("migrate --provision"), "{}", refused.stderr);
    assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);

    let provisioned = stoa(&["migrate", "--provision", &name], &as_admin).await;
    assert!(provisioned.status.success(), "{}", provisioned.stderr);
    let shop = Shop::open_with(&["serve"], &as_plain).await;
    let admin = shop.admin().await;
    let tea = shop.stock_up(&admin, "TEA", 1).await;
    assert_eq!(shop.order(&admin, "first", &tea, 1).await.0, 201);
    shop.stop().await;
}

#[tokio::test]
async fn postgres_a_second_process_on_the_same_schemas_needs_a_way_for_events() {
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    let Some(nats) = NatsServer::start().await else {
        return;
    };
    let alone = settings(&database);
    let mut told = alone.clone();
    told.push(("NATS_URL", nats.url()));
    let serve = async |settings: &[(&'static str, String)]| {
        let listen = [("LISTEN_ADDR", "127.0.0.1:0".to_owned())];
        let refused = stoa(&["serve"], &[settings, &listen].concat()).await;
        assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
        refused.stderr.lines().last().unwrap_or_default().to_owned()
    };

    let shop = Shop::open_with(&["serve"], &alone).await;
    let refusal = "error: NATS_URL: must be set: another process serves these schemas";
    assert_eq!(serve(&alone).await, refusal);
    let refusal =
        "error: NATS_URL: another process serves these schemas without it: stop that one, or give it the same";
    assert_eq!(serve(&told).await, refusal);
    // Whoever is killed is not in anybody's way.
    shop.process.kill().await;
    let first = Shop::open_with(&["serve"], &told).await;
    let second = open_beside(&first.process, &told).await;
    assert_eq!(
        serve(&alone).await,
        "error: NATS_URL: must be set: another process serves these schemas"
    );
    first.stop().await;
    assert!(TcpStream::connect(second.address).await.is_ok());
    assert!(second.terminate().await.success());
}

/// Starts a successor where another shop still listens, and waits until it listens there, too.
async fn open_beside(shop: &Process, settings: &[(&'static str, String)]) -> Process {
    let successor = Process::launch_on(shop.address, binary(), &["serve"], &borrowed(settings));
    // The listener for operators opens after the public one.
    let listens = async {
        while TcpStream::connect(successor.admin).await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let listened = timeout(Duration::from_mins(1), listens).await;
    listened.expect("the successor ended or does not listen");
    successor
}
