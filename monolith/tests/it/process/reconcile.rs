//! `stoa reconcile` on books that are true, and on books that somebody has tampered with.

use platform_sql::Database;
use platform_sql::testing::TestDatabase;

use super::on_both_engines;
use super::shop::{Shop, settings, stoa};

on_both_engines!(
    it_reads_beside_a_running_shop_and_finds_the_books_in_order,
    it_finds_what_was_tampered_with_and_changes_nothing,
    it_repairs_what_is_safe_to_repair,
    without_a_shop_there_is_nothing_to_check,
);

/// Runs a statement behind the back of a service; both engines understand it.
async fn tamper(database: &TestDatabase, service: &str, statement: &'static str) {
    let opened = database.open(service).await;
    let changed = match &opened {
        Database::Sqlite(database) => {
            let writer = database.writer();
            let unit = writer.run((), move |connection, ()| {
                Box::pin(async move {
                    let done = sqlx::query(statement).execute(connection).await?;
                    Ok::<_, platform_sql::Error>(done.rows_affected())
                })
            });
            unit.await
        }
        Database::Postgres(database) => {
            let writer = database.writer();
            let unit = writer.run((), move |connection, ()| {
                Box::pin(async move {
                    let done = sqlx::query(statement).execute(connection).await?;
                    Ok::<_, platform_sql::Error>(done.rows_affected())
                })
            });
            unit.await
        }
    };
    assert!(changed.unwrap() > 0, "{statement}");
    opened.close().await;
}

/// A shop that has sold, refused and taken back, and is closed.
async fn shop_with_history(database: &TestDatabase) {
    let shop = Shop::open(database).await;
    let admin = shop.admin().await;
    let tea = shop.stock_up(&admin, "TEA", 5).await;
    assert_eq!(shop.order(&admin, "sold", &tea, 2).await.0, 201);
    assert_eq!(shop.order(&admin, "refused", &tea, 9).await.0, 409);
    shop.stop().await;
}

async fn it_reads_beside_a_running_shop_and_finds_the_books_in_order(database: TestDatabase) {
    let shop = Shop::open(&database).await;
    let admin = shop.admin().await;
    let tea = shop.stock_up(&admin, "TEA", 5).await;
    assert_eq!(shop.order(&admin, "sold", &tea, 2).await.0, 201);
    assert_eq!(shop.order(&admin, "refused", &tea, 9).await.0, 409);
    let report = stoa(&["reconcile"], &settings(&database)).await;
    assert!(report.status.success(), "{}{}", report.stdout, report.stderr);
    assert_eq!(report.stdout, "2 orders, 2 reservations: 0 violations, 0 repaired\n");
    assert_eq!(
        shop.order(&admin, "sold", &tea, 2).await.0,
        201,
        "the shop was not disturbed"
    );
    shop.process.kill().await;
    let after_a_crash = stoa(&["reconcile"], &settings(&database)).await;
    assert!(after_a_crash.status.success(), "{}", after_a_crash.stderr);
}

/// The number of an invariant, whose books are changed, and how. What the tables' own constraints make impossible
/// (a total below what was captured, more reserved than there is) is planted in the tests of the rules.
const TAMPERED: [(&str, &str, &str); 7] = [
    ("invariant 2: ", "product", "UPDATE stock SET on_hand = on_hand + 1"),
    ("invariant 3: ", "product", "UPDATE stock SET reserved = reserved + 1"),
    (
        "invariant 4: ",
        "product",
        "UPDATE reservations SET state = 'released' WHERE state = 'sold'",
    ),
    ("invariant 5: ", "order", "DELETE FROM orders WHERE status = 'rejected'"),
    (
        "invariant 7: ",
        "order",
        "UPDATE orders SET total = total + 1 WHERE status = 'paid'",
    ),
    (
        "invariant 8: ",
        "order",
        "DELETE FROM outbox WHERE kind = 'order.confirmed.v1'",
    ),
    (
        "invariant 10: ",
        "order",
        "UPDATE orders SET cancel_requested = 1 = 1 WHERE status = 'paid'",
    ),
];

async fn it_finds_what_was_tampered_with_and_changes_nothing(database: TestDatabase) {
    shop_with_history(&database).await;
    for (_, service, statement) in TAMPERED {
        tamper(&database, service, statement).await;
    }
    let report = stoa(&["reconcile"], &settings(&database)).await;
    assert_eq!(report.status.code(), Some(1), "{}", report.stderr);
    assert_eq!(report.stderr.lines().count(), 1, "{}", report.stderr);
    for (invariant, _, _) in TAMPERED {
        let line = format!("violation {invariant}");
        assert!(
            report.stdout.contains(&line),
            "{invariant} is missing in\n{}",
            report.stdout
        );
    }
    let again = stoa(&["reconcile"], &settings(&database)).await;
    assert_eq!(again.stdout, report.stdout);
}

async fn it_repairs_what_is_safe_to_repair(database: TestDatabase) {
    shop_with_history(&database).await;
    tamper(
        &database,
        "order",
        "UPDATE orders SET status = 'cancelled', confirmed_at = NULL, total = NULL WHERE status = 'paid'",
    )
    .await;
    tamper(
        &database,
        "order",
        "UPDATE outbox SET kind = 'order.cancelled.v1' WHERE kind = 'order.confirmed.v1'",
    )
    .await;
    let repair = stoa(&["reconcile", "--fix"], &settings(&database)).await;
    assert!(repair.status.success(), "{}{}", repair.stdout, repair.stderr);
    assert!(repair.stdout.contains("repaired  invariant 4: "), "{}", repair.stdout);
    let again = stoa(&["reconcile"], &settings(&database)).await;
    assert!(again.status.success(), "{}", again.stdout);

    let shop = Shop::open(&database).await;
    let admin = shop.admin().await;
    let (_, tea) = shop.get(shop.process.url("/api/products")).await;
    assert!(tea.contains(r#""stock":5"#), "{tea}");
    let refused = stoa(&["reconcile", "--fix"], &settings(&database)).await;
    let is_sqlite = matches!(database.config(), platform_sql::DatabaseConfig::SqliteDir(_));
    assert_eq!(refused.status.success(), !is_sqlite, "{}", refused.stderr);
    assert_eq!(shop.orders(&admin).await.len(), 1);
    shop.stop().await;
}

async fn without_a_shop_there_is_nothing_to_check(database: TestDatabase) {
    let report = stoa(&["reconcile"], &settings(&database)).await;
    assert_eq!(report.status.code(), Some(1));
    assert_eq!(report.stderr.lines().count(), 1, "{}", report.stderr);
    let name = if report.stderr.contains("DATA_DIR") {
        "DATA_DIR"
    } else {
        "DATABASE_URL"
    };
    assert!(report.stderr.contains(name), "{}", report.stderr);
}

#[tokio::test]
async fn it_does_not_take_what_a_service_left_behind_for_its_books() {
    let database = TestDatabase::sqlite();
    shop_with_history(&database).await;
    for setting in ["ORDER_SERVICE_URL", "PRODUCT_SERVICE_URL"] {
        let mut settings = settings(&database);
        settings.push((setting, "http://127.0.0.1:1".to_owned()));
        let refused = stoa(&["reconcile"], &settings).await;
        assert_eq!(refused.status.code(), Some(2), "{}", refused.stdout);
        assert!(
            refused.stderr.starts_with("error: SERVICE_CLIENT_SECRET: "),
            "{}",
            refused.stderr
        );
        // It asks there, where nobody is.
        settings.push(("SERVICE_CLIENT_SECRET", "secret".to_owned()));
        settings.push(("AUTH_SERVICE_URL", "http://127.0.0.1:1".to_owned()));
        let unanswered = stoa(&["reconcile"], &settings).await;
        assert_eq!(unanswered.status.code(), Some(1), "{}", unanswered.stdout);
        assert_eq!(unanswered.stderr.lines().count(), 1, "{}", unanswered.stderr);
    }
}
