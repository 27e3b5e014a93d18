//! A shop from its start to its orders.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use platform_sql::testing::TestDatabase;
use platform_testing::run;
use serde_json::Value;
use tokio::time::timeout;

use super::on_both_engines;
use super::settings::assert_one_line;
use super::shop::{Shop, binary, settings, stoa};

on_both_engines!(
    an_empty_place_becomes_a_shop_that_sells_and_keeps_its_orders,
    readiness_names_what_the_shop_works_with,
);

async fn an_empty_place_becomes_a_shop_that_sells_and_keeps_its_orders(database: TestDatabase) {
    let shop = Shop::open(&database).await;
    let admin = shop.admin().await;
    let tea = shop.stock_up(&admin, "TEA", 3).await;
    let (status, order) = shop.order(&admin, "first", &tea, 2).await;
    assert_eq!((status, &order["status"]), (201, &"confirmed".into()), "{order}");
    assert_eq!(order["total"]["amount"], 500);
    let (status, refusal) = shop.order(&admin, "second", &tea, 2).await;
    assert_eq!(
        (status, &refusal["code"]),
        (409, &"insufficient_stock".into()),
        "{refusal}"
    );

    shop.process.kill().await;
    let shop = Shop::open(&database).await;
    let admin = shop.admin().await;
    let (status, again) = shop.order(&admin, "first", &tea, 2).await;
    assert_eq!((status, &again["id"]), (201, &order["id"]));
    assert_eq!(shop.orders(&admin).await.len(), 1, "a refused order is not listed");
    shop.stop().await;
}

async fn readiness_names_what_the_shop_works_with(database: TestDatabase) {
    let shop = Shop::open(&database).await;
    let (status, ready) = shop.get(shop.process.url("/health/ready")).await;
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!(status, 200);
    for part in ["accounts", "keys", "orders", "products", "users"] {
        assert_eq!(ready["checks"][part], "ok", "{ready}");
    }
}

#[tokio::test]
async fn metrics_are_for_operators_alone() {
    let database = TestDatabase::sqlite();
    let shop = Shop::open(&database).await;
    let (status, metrics) = shop.get(format!("http://{}/metrics", shop.process.admin)).await;
    assert_eq!(status, 200);
    assert!(metrics.contains("http_requests_total"), "{metrics}");
    assert_eq!(shop.get(shop.process.url("/metrics")).await.0, 404);
    let (status, _) = shop.get(format!("http://{}/api/products", shop.process.admin)).await;
    assert_eq!(status, 404, "and no client comes in by the operators' door");
}

#[tokio::test]
async fn it_documents_itself_as_the_command_prints_it() {
    let database = TestDatabase::sqlite();
    let shop = Shop::open(&database).await;
    let (_, served) = shop.get(shop.process.url("/openapi.json")).await;
    let printed = stoa(&["openapi"], &[]).await;
    assert!(printed.status.success(), "{}", printed.stderr);
    let [served, printed]: [Value; 2] = [&served, &printed.stdout].map(|text| serde_json::from_str(text).unwrap());
    assert_eq!(served, printed);
    for path in ["/api/auth/login", "/api/users/me", "/api/products", "/api/orders"] {
        assert!(printed["paths"][path].is_object(), "{path}");
    }
    assert_eq!(shop.get(shop.process.url("/docs/")).await.0, 200);
    let (_, problems) = shop.get(shop.process.url("/docs/problems")).await;
    assert!(problems.contains("insufficient_stock"));
}

#[tokio::test]
async fn health_asks_the_running_shop() {
    let database = TestDatabase::sqlite();
    let shop = Shop::open(&database).await;
    let asking = vec![("LISTEN_ADDR", shop.process.address.to_string())];
    assert!(stoa(&["health"], &asking).await.status.success());
    shop.stop().await;
    let closed = stoa(&["health"], &asking).await;
    assert_eq!(closed.status.code(), Some(1));
    assert_eq!(closed.stderr.lines().count(), 1, "{}", closed.stderr);
}

#[tokio::test]
async fn a_second_process_on_the_same_data_is_refused_in_one_line() {
    let database = TestDatabase::sqlite();
    let shop = Shop::open(&database).await;
    for command in ["serve", "migrate"] {
        let mut settings = settings(&database);
        settings.push(("LISTEN_ADDR", "127.0.0.1:0".to_owned()));
        let second = stoa(&[command], &settings).await;
        assert_eq!(second.status.code(), Some(1));
        let id = shop.process.id().to_string();
        assert!(
            second.stderr.contains("DATA_DIR") && second.stderr.contains(&id),
            "{}",
            second.stderr
        );
        assert_eq!(second.stderr.lines().count(), 1, "{}", second.stderr);
    }
    shop.stop().await;
}

#[tokio::test]
async fn another_shop_on_its_port_is_refused_in_one_line() {
    let shop = Shop::open(&TestDatabase::sqlite()).await;
    for (setting, taken) in [
        ("LISTEN_ADDR", shop.process.address),
        ("ADMIN_LISTEN_ADDR", shop.process.admin),
    ] {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        let settings = [
            ("DATA_DIR", data.to_str().unwrap().to_owned()),
            ("LISTEN_ADDR", "127.0.0.1:0".to_owned()),
            ("RUST_LOG", "error".to_owned()),
            (setting, taken.to_string()),
        ];
        let refused = timeout(Duration::from_mins(1), stoa(&["serve"], &settings)).await;
        assert_one_line(&refused.expect("the other shop serves"), 1, setting);
        assert!(!data.exists(), "a start that failed left something behind");
    }
    shop.stop().await;
}

#[tokio::test]
async fn a_password_that_was_made_up_is_shown_even_if_the_start_fails_after_that() {
    let place = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let in_use = taken.local_addr().unwrap().to_string();
    // Only on a terminal a password is made up, which `script` is.
    let serve = format!("{} serve", binary().display());
    let settings = [
        ("DATA_DIR", place.path().to_str().unwrap()),
        ("LISTEN_ADDR", "127.0.0.1:0"),
        ("SERVICES_LISTEN_ADDR", &in_use),
    ];
    let refused = run(Path::new("script"), &["-qec", &serve, "/dev/null"], &settings).await;
    let said = refused.stdout;
    assert!(said.contains("SERVICES_LISTEN_ADDR: cannot listen"), "{said}");
    assert!(said.contains("The first admin was made."), "{said}");
}
