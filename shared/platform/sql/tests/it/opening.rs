//! Data directories, settings, roles and schemas.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use platform_clock::{Clock, SystemClock};
use platform_sql::testing::TestDatabase;
use platform_sql::{Database, DatabaseConfig, Error, OpenError, PgDatabase, PostgresConfig, postgres};
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use crate::shelf::SCHEMA;

/// Another process, which has a data directory.
struct Holder(Child);

impl Holder {
    /// `flock` stands for it.
    fn of(dir: &Path) -> Self {
        let lock = dir.join(".lock");
        let mut child = Command::new("flock")
            .arg(&lock)
            .args(["sh", "-c", "echo 4711 > \"$0\"; echo ready; read -r _"])
            .arg(&lock)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut stdout, &mut ready).unwrap();
        Self(child)
    }

    fn end(mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

#[tokio::test]
async fn a_second_process_on_a_data_directory_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let other = Holder::of(dir.path());
    tokio::time::pause();
    let refused = open_shelf(dir.path()).await.unwrap_err();
    tokio::time::resume();
    assert!(
        matches!(&refused, OpenError::InUse { holder, .. } if holder == "4711"),
        "{refused}"
    );
    assert!(refused.to_string().contains("DATA_DIR"));

    other.end();
    open_shelf(dir.path()).await.unwrap();
}

#[tokio::test]
async fn a_process_waits_for_the_one_before_it_to_be_gone() {
    let dir = tempfile::tempdir().unwrap();
    let other = Holder::of(dir.path());
    let mut opening = std::pin::pin!(open_shelf(dir.path()));
    assert!(futures::poll!(&mut opening).is_pending());
    other.end();
    opening.await.unwrap();
}

async fn open_shelf(dir: &Path) -> Result<Database, OpenError> {
    let config = DatabaseConfig::SqliteDir(dir.to_owned());
    Database::open(&config, "shelf", Arc::new(SystemClock)).await
}

#[tokio::test]
async fn a_database_that_was_closed_is_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = open_shelf(dir.path()).await.unwrap();
    shelf.migrate(&SCHEMA).await.unwrap();
    shelf
        .claim_owner("this test", "DATA_DIR", SystemClock.now())
        .await
        .unwrap();
    shelf.ping().await.unwrap();
    assert!(dir.path().join("shelf.db-wal").exists());

    shelf.close().await;
    let names = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.filter(|name| name != ".lock").collect();
    names.sort();
    assert_eq!(names, ["shelf.db"]);
}

#[tokio::test]
async fn services_of_one_process_share_a_directory_and_find_their_data_again() {
    let directory = TestDatabase::sqlite();
    let one = directory.open("one").await;
    let two = directory.open("two").await;
    one.close().await;
    two.ping().await.unwrap();
    assert!(one.ping().await.is_err());
    directory.open("one").await.ping().await.unwrap();
}

#[test]
fn settings_name_a_directory_a_file_or_a_server() {
    let data = Path::new("./data");
    let parse = |url| DatabaseConfig::from_settings(url, data);
    assert_eq!(parse(None), Ok(DatabaseConfig::SqliteDir("./data".into())));
    assert_eq!(
        parse(Some("sqlite:/srv/shop")),
        Ok(DatabaseConfig::SqliteDir("/srv/shop".into()))
    );
    assert_eq!(
        parse(Some("sqlite://orders.db")),
        Ok(DatabaseConfig::SqliteFile("orders.db".into()))
    );
    assert_eq!(
        parse(Some("sqlite:///srv/o.sqlite")),
        Ok(DatabaseConfig::SqliteFile("/srv/o.sqlite".into()))
    );
    assert!(matches!(
        parse(Some("postgres://u:p@h/d")),
        Ok(DatabaseConfig::Postgres(_))
    ));
    for bad in ["mysql://h/d", "sqlite::memory:", "sqlite:", "postgres://h:port/d"] {
        let error = parse(Some(bad)).unwrap_err();
        assert!(!error.is_empty() && !error.contains('\n'), "{error}");
    }
}

#[test]
fn no_form_of_a_configuration_shows_the_password() {
    let config = DatabaseConfig::from_settings(Some("postgres://stoa:geheim@db:5433/shop"), Path::new("."));
    let config = config.unwrap();
    assert_eq!(config.to_string(), "postgres://stoa:***@db:5433/shop");
    assert!(!format!("{config:?}").contains("geheim"));
}

async fn server() -> Option<(TestDatabase, PostgresConfig)> {
    let database = TestDatabase::postgres().await?;
    let DatabaseConfig::Postgres(config) = database.config().clone() else {
        unreachable!("it is on a server")
    };
    Some((database, config))
}

async fn select(database: &PgDatabase, sql: &'static str) -> Result<String, Error> {
    let reader = database.reader();
    let read = reader.run(sql, |connection, &sql| {
        Box::pin(async move { Ok(sqlx::query_scalar(sql).fetch_one(connection).await?) })
    });
    read.await
}

#[tokio::test]
async fn postgres_a_role_cannot_read_or_write_a_neighbours_tables() {
    let Some((_guard, config)) = server().await else { return };
    let one = PgDatabase::connect(&config, "one", Arc::new(SystemClock))
        .await
        .unwrap();
    let two = PgDatabase::connect(&config, "two", Arc::new(SystemClock))
        .await
        .unwrap();
    let none = platform_sql::Migrations::new(&[]);
    one.migrate(&none).await.unwrap();
    two.migrate(&none).await.unwrap();
    assert!(
        select(&one, "SELECT current_user::text")
            .await
            .unwrap()
            .ends_with("_one")
    );
    assert_eq!(
        select(&one, "SELECT COUNT(*)::text FROM one.outbox").await.unwrap(),
        "0"
    );
    let read = select(&one, "SELECT COUNT(*)::text FROM two.outbox").await;
    let write = select(&one, "DELETE FROM two.outbox RETURNING id::text").await;
    let create = select(&one, "CREATE TABLE two.mine (id int)").await;
    for refused in [read, write, create] {
        assert!(matches!(refused, Err(Error::Fault(_))));
    }
}

#[tokio::test]
async fn postgres_a_login_that_may_not_create_roles_is_told_what_to_run_and_works_once_provisioned() {
    let Some((_guard, config)) = server().await else { return };
    let admin: PgConnectOptions = config.url.parse().unwrap();
    let name = format!("{}_login", admin.get_database().unwrap());
    let mut connection = admin.connect().await.unwrap();
    let create = format!(r#"CREATE ROLE "{name}" LOGIN NOINHERIT PASSWORD 'secret'"#);
    sqlx::raw_sql(sqlx::AssertSqlSafe(create))
        .execute(&mut connection)
        .await
        .unwrap();
    let url = admin.username(&name).password("secret").to_url_lossy().to_string();
    let plain = PostgresConfig { url, ..config.clone() };

    let refused = PgDatabase::connect(&plain, "shelf", Arc::new(SystemClock))
        .await
        .unwrap_err();
    assert!(matches!(refused, OpenError::NotProvisioned { .. }));
    assert!(refused.to_string().contains("migrate --provision"));

    postgres::provision(&config.url, "shelf", Some(&name)).await.unwrap();
    postgres::provision(&config.url, "shelf", Some(&name)).await.unwrap();
    let database = PgDatabase::connect(&plain, "shelf", Arc::new(SystemClock))
        .await
        .unwrap();
    database.migrate(&platform_sql::Migrations::new(&[])).await.unwrap();
    assert!(
        select(&database, "SELECT current_user::text")
            .await
            .unwrap()
            .ends_with("_shelf")
    );
}

#[tokio::test]
async fn postgres_a_login_that_may_create_roles_provisions_by_itself_without_being_a_superuser() {
    let Some((_guard, config)) = server().await else { return };
    let admin: PgConnectOptions = config.url.parse().unwrap();
    let database = admin.get_database().unwrap().to_owned();
    let name = format!("{database}_maker");
    let mut connection = admin.connect().await.unwrap();
    let create = format!(
        r#"CREATE ROLE "{name}" LOGIN CREATEROLE PASSWORD 'secret'; GRANT CREATE ON DATABASE "{database}" TO "{name}""#
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(create))
        .execute(&mut connection)
        .await
        .unwrap();
    let url = admin.username(&name).password("secret").to_url_lossy().to_string();
    let maker = PostgresConfig { url, ..config.clone() };
    for _ in 0..2 {
        let database = PgDatabase::connect(&maker, "shelf", Arc::new(SystemClock))
            .await
            .unwrap();
        database.migrate(&platform_sql::Migrations::new(&[])).await.unwrap();
        assert!(
            select(&database, "SELECT current_user::text")
                .await
                .unwrap()
                .ends_with("_shelf")
        );
        database.close().await;
    }
}

#[tokio::test]
async fn postgres_a_name_that_needs_quoting_is_refused() {
    let Some((_guard, config)) = server().await else { return };
    for name in ["", "a-b", "a\"b", "A", &"a".repeat(64)] {
        let refused = PgDatabase::connect(&config, name, Arc::new(SystemClock)).await;
        assert!(matches!(refused, Err(OpenError::BadName(_))), "{name}");
    }
}

#[tokio::test]
async fn postgres_four_services_that_open_at_once_all_get_their_schema() {
    let Some((_guard, config)) = server().await else { return };
    let open = |name| PgDatabase::connect(&config, name, Arc::new(SystemClock));
    let (a, b, c, d) = tokio::join!(open("same"), open("same"), open("other"), open("same"));
    for database in [a, b, c, d] {
        database.unwrap().ping().await.unwrap();
    }
}
