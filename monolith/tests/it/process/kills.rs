//! A shop that is killed while it sells.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::{join, join_all};
use platform_sql::testing::TestDatabase;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::watch;

use super::on_both_engines;
use super::shop::{Shop, answer, settings, stoa};

on_both_engines!(no_order_is_lost_or_doubled_by_a_dozen_kills);

const KILLS: usize = 12;
const CLIENTS: usize = 8;
const STOCK: i64 = 100_000;

/// What each key was answered before a kill: the order of a 201, else nothing.
type Told = BTreeMap<String, Option<Value>>;

async fn no_order_is_lost_or_doubled_by_a_dozen_kills(database: TestDatabase) {
    let mut shop = Shop::open(&database).await;
    let admin = shop.admin().await;
    let mut products = Vec::new();
    for sku in ["ONE", "TWO", "THREE"] {
        products.push(shop.stock_up(&admin, sku, STOCK).await);
    }
    let mut told = Told::new();
    for round in 0..KILLS {
        // Not always at the same moment of a batch.
        let (sold, mut seen) = watch::channel(0);
        let clients = (0..CLIENTS).map(|client| {
            let product = &products[client % products.len()];
            buy_until_killed(&shop, &admin, product, format!("{round}-{client}"), &sold)
        });
        let killing = async {
            seen.wait_for(|sold| *sold >= 5 + 7 * round).await.unwrap();
            let id = shop.process.id().to_string();
            Command::new("kill").args(["-KILL", &id]).status().await.unwrap();
        };
        let (round, ()) = join(join_all(clients), killing).await;
        told.extend(round.into_iter().flatten());
        shop = Shop::open(&database).await;
    }

    let mut orders = BTreeSet::new();
    for (at, (key, before)) in told.iter().enumerate() {
        let client: usize = key.split('-').nth(1).unwrap().parse().unwrap();
        let now = order_at_last(&shop, &admin, key, &products[client % products.len()]).await;
        assert_eq!(now["status"], "confirmed");
        if let Some(before) = before {
            assert_eq!(&now["id"], before, "the key {key} has another order");
        }
        orders.insert(now["id"].as_str().unwrap().to_owned());
        assert_eq!(orders.len(), at + 1, "two keys have one order");
    }
    assert_eq!(
        listed(&shop, &admin).await,
        orders,
        "every order has a key, and no other"
    );
    let sold = i64::try_from(orders.len()).unwrap();
    on_the_shelf(&shop, &products, STOCK * 3 - sold).await;
    let outcome = stoa(&["reconcile"], &settings(&database)).await;
    assert!(outcome.status.success(), "{}{}", outcome.stdout, outcome.stderr);
    shop.stop().await;
}

/// Buys one piece after another until no answer comes.
async fn buy_until_killed(
    shop: &Shop,
    token: &str,
    product: &str,
    client: String,
    sold: &watch::Sender<usize>,
) -> Vec<(String, Option<Value>)> {
    let mut told = Vec::new();
    for piece in 0.. {
        let key = format!("{client}-{piece}");
        let items = json!({"items": [{"product_id": product, "quantity": 1}]});
        let order = shop.request(Method::POST, "/api/orders").bearer_auth(token);
        let sent = order.header("idempotency-key", &key).json(&items).send().await;
        let Ok(answer) = sent else {
            told.push((key, None));
            break;
        };
        let status = answer.status().as_u16();
        let Ok(order) = answer.json::<Value>().await else {
            told.push((key, None));
            break;
        };
        assert!(status == 201 || status == 202, "{status} {order}");
        // Any id that a client was given is a promise.
        told.push((key, Some(order["id"].clone())));
        sold.send_modify(|sold| *sold += 1);
    }
    told
}

/// Repeats an order until its end is known.
async fn order_at_last(shop: &Shop, token: &str, key: &str, product: &str) -> Value {
    for _ in 0..30 {
        let (status, order) = shop.order(token, key, product, 1).await;
        match status {
            201 => return order,
            202 => tokio::time::sleep(Duration::from_millis(100)).await,
            _ => panic!("{key}: {status} {order}"),
        }
    }
    panic!("{key} is still open");
}

/// The ids of all orders.
async fn listed(shop: &Shop, token: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let mut path = "/api/orders?limit=100".to_owned();
    loop {
        let (status, page) = answer(shop.request(Method::GET, &path).bearer_auth(token)).await;
        assert_eq!(status, 200, "{page}");
        for order in page["items"].as_array().unwrap() {
            ids.insert(order["id"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next_cursor"].as_str() else {
            return ids;
        };
        path = format!("/api/orders?limit=100&cursor={next}");
    }
}

/// Waits until the shelf shows so many pieces in all; what is shown may be a second old.
async fn on_the_shelf(shop: &Shop, products: &[String], expected: i64) {
    let mut shown = 0;
    for _ in 0..40 {
        shown = 0;
        for product in products {
            let path = format!("/api/products/{product}");
            let (status, product) = answer(shop.request(Method::GET, &path)).await;
            assert_eq!(status, 200, "{product}");
            shown += product["stock"].as_i64().unwrap();
        }
        if shown == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(shown, expected, "pieces on the shelf");
}
