//! What can be set, and what a bad start says.

use std::net::TcpListener;

use platform_clock::{Clock, SystemClock};
use platform_sql::testing::TestDatabase;
use platform_testing::Outcome;

use super::on_both_engines;
use super::shop::{settings, stoa};

/// Every setting of the manual that this binary has.
const SETTINGS: [&str; 20] = [
    "LISTEN_ADDR",
    "ADMIN_LISTEN_ADDR",
    "DATA_DIR",
    "DATABASE_URL_FILE",
    "TOKEN_ISSUER",
    "SIGNING_KEYS_FILE",
    "KEY_ENCRYPTION_KEY_FILE",
    "SERVICE_CLIENTS_FILE",
    "BOOTSTRAP_ADMIN_EMAIL",
    "BOOTSTRAP_ADMIN_PASSWORD_FILE",
    "CURRENCY",
    "CORS_ALLOWED_ORIGINS",
    "TRUSTED_PROXY_HOPS",
    "DRAIN_DELAY",
    "RATE_LIMITS",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "RUST_LOG",
    "LOG_FORMAT",
    "0.0.0.0:8080",
    "127.0.0.1:9080",
];

#[tokio::test]
async fn help_lists_every_setting_and_every_command() {
    let help = stoa(&["--help"], &[]).await.stdout;
    let commands = "serve migrate health config openapi admin import export reconcile";
    for word in SETTINGS.into_iter().chain(commands.split(' ')) {
        assert!(help.contains(word), "{word} is missing in\n{help}");
    }
}

#[tokio::test]
async fn config_shows_what_is_read_and_no_secret() {
    let mut settings = settings(&TestDatabase::sqlite());
    settings.push(("DATABASE_URL", "postgres://shop:geheim@db.example/shop".to_owned()));
    settings.push(("CURRENCY", "EUR".to_owned()));
    let config = stoa(&["config"], &settings).await.stdout;
    assert!(config.contains("CURRENCY=EUR\n"), "{config}");
    assert!(config.contains("DATABASE_URL=***\n"), "{config}");
    for secret in ["geheim", "a password for the admin", "0000"] {
        assert!(!config.contains(secret), "{config}");
    }
}

pub(super) fn assert_one_line(outcome: &Outcome, code: i32, name: &str) {
    let said = &outcome.stderr;
    assert_eq!(outcome.status.code(), Some(code), "{name}: {said}");
    assert!(said.starts_with("error: ") && said.contains(name), "{name}: {said}");
    assert_eq!(said.lines().count(), 1, "{name}: {said}");
}

#[tokio::test]
async fn a_bad_setting_stops_the_start_with_one_line_that_names_it() {
    let database = TestDatabase::sqlite();
    let bad = [
        ("LISTEN_ADDR", "everywhere"),
        ("DATABASE_URL", "mysql://db/shop"),
        ("CURRENCY", "dollars"),
        ("DRAIN_DELAY", "soon"),
        ("RATE_LIMITS", "maybe"),
        ("LOG_FORMAT", "xml"),
        ("CORS_ALLOWED_ORIGINS", "https://a\n.example"),
        ("TRUSTED_PROXY_HOPS", "-1"),
        ("BOOTSTRAP_ADMIN_PASSWORD", "short"),
        ("BOOTSTRAP_ADMIN_EMAIL", "nobody"),
    ];
    for (name, value) in bad {
        let mut settings = settings(&database);
        settings.push((name, value.to_owned()));
        assert_one_line(&stoa(&["serve"], &settings).await, 2, name);
    }
}

#[tokio::test]
async fn a_start_that_cannot_be_says_why_in_one_line() {
    let database = TestDatabase::sqlite();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let in_use = taken.local_addr().unwrap().to_string();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let file = file.path().to_str().unwrap().to_owned();
    let bad = [
        ("LISTEN_ADDR", in_use.clone()),
        ("LISTEN_ADDR", "192.0.2.1:80".to_owned()),
        ("ADMIN_LISTEN_ADDR", in_use),
        ("ADMIN_LISTEN_ADDR", "192.0.2.1:80".to_owned()),
        ("DATA_DIR", file),
        ("DATA_DIR", "/proc/nowhere".to_owned()),
        ("DATABASE_URL", format!("postgres://nobody@{closed}/shop")),
        ("SIGNING_KEYS_FILE", "/nowhere/keys.pem".to_owned()),
        ("KEY_ENCRYPTION_KEY", "short".to_owned()),
    ];
    for (name, value) in bad {
        let mut settings = settings(&database);
        settings.extend([
            ("LISTEN_ADDR", "127.0.0.1:0".to_owned()),
            ("RUST_LOG", "error".to_owned()),
            (name, value),
        ]);
        assert_one_line(&stoa(&["serve"], &settings).await, 1, name);
    }
    drop(taken);
}

on_both_engines!(a_schema_that_was_handed_over_is_not_opened);

async fn a_schema_that_was_handed_over_is_not_opened(database: TestDatabase) {
    let mut settings = settings(&database);
    settings.push(("LISTEN_ADDR", "127.0.0.1:0".to_owned()));
    assert!(stoa(&["migrate"], &settings).await.status.success());
    let products = database.open("product").await;
    let now = SystemClock.now();
    products.claim_owner("stoa", "PRODUCT_SERVICE_URL", now).await.unwrap();
    products.hand_over("product-service", now).await.unwrap();
    products.close().await;
    drop(products);
    assert_one_line(&stoa(&["serve"], &settings).await, 1, "PRODUCT_SERVICE_URL");
}
