//! The public contract of orders, through a listener, on both engines.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use order_service::payment::{Hold, Providers};
use order_service::timings::Timings;
use platform_sql::Database;
use platform_sql::testing::TestDatabase;
use product_api::testing::ShelfProduct;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::support::eventually;
use crate::support::gated::GatedStock;
use crate::support::shop::{Reply, Shop, basket, quick};

async fn open(database: Database) -> Shop {
    Shop::open(database).await
}

platform_sql::stores!(
    "order",
    open,
    [
        an_order_is_bought_at_the_prices_of_the_moment,
        the_same_key_gives_the_same_order,
        the_same_key_for_something_else_is_refused,
        a_refusal_is_the_answer_to_its_key_for_ever,
        what_is_not_for_sale_is_refused_by_name,
        fifty_twins_buy_once,
        the_last_piece_is_sold_once,
        opposite_orders_both_go_through,
        a_cancel_brings_the_goods_back_once,
        a_history_has_pages_and_filters,
    ]
);

/// A shop on SQLite, where the engine does not matter.
async fn shop() -> (Shop, TestDatabase) {
    let database = TestDatabase::sqlite();
    (Shop::open(database.open("order").await).await, database)
}

/// A shop whose stock answers while its gate is open.
async fn gated_shop(gate: &Arc<Semaphore>, providers: Providers) -> (Shop, TestDatabase) {
    let database = TestDatabase::sqlite();
    let gate = gate.clone();
    let shop = Shop::with(database.open("order").await, quick(), providers, |stock| {
        Arc::new(GatedStock {
            inner: Arc::new(stock),
            gate,
        })
    });
    (shop.await, database)
}

/// The order without what differs from run to run.
fn redacted(mut order: Value) -> Value {
    for member in ["id", "user_id", "created_at", "updated_at", "number"] {
        assert!(!order[member].is_null(), "{member} is missing in {order}");
        order[member] = json!(format!("[{member}]"));
    }
    for item in order["items"].as_array_mut().unwrap() {
        for member in ["product_id", "sku", "name"] {
            item[member] = json!(format!("[{member}]"));
        }
    }
    order
}

async fn an_order_is_bought_at_the_prices_of_the_moment(shop: Shop) {
    let (tea, cup) = (shop.catalogue.put(450, Some(10)), shop.catalogue.put(1999, None));
    let ada = shop.customer();
    let bought = shop.order(&ada, "k1", &[(cup, 1), (tea, 1), (tea, 2)]).await;
    assert_eq!(bought.status, 201, "{bought:?}");
    let id = bought.body["id"].as_str().unwrap();
    assert_eq!(bought.header("location"), Some(format!("/api/orders/{id}").as_str()));
    assert_eq!(bought.header("idempotent-replayed"), None);
    insta::assert_json_snapshot!("bought", redacted(bought.body.clone()));
    assert_eq!(shop.stock.shelf_of(tea).on_hand, 7);
    // What the catalogue says later changes nothing.
    let dearer = ShelfProduct {
        name: "Other".to_owned(),
        ..ShelfProduct::priced(tea, 999)
    };
    shop.catalogue.replace(&dearer, Some(7));
    let found = shop.get(&format!("/api/orders/{id}"), &ada).await;
    assert_eq!((found.status, &found.body), (200, &bought.body));
}

async fn the_same_key_gives_the_same_order(shop: Shop) {
    let tea = shop.catalogue.put(450, Some(10));
    let ada = shop.customer();
    let first = shop.order(&ada, "k", &[(tea, 2)]).await;
    let again = shop.order(&ada, "k", &[(tea, 1), (tea, 1)]).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(shop.stock.shelf_of(tea).on_hand, 8);
    // The key is Ada's alone.
    let other = shop.order(&shop.customer(), "k", &[(tea, 2)]).await;
    assert_eq!((other.status, other.header("idempotent-replayed")), (201, None));
}

async fn the_same_key_for_something_else_is_refused(shop: Shop) {
    let tea = shop.catalogue.put(450, Some(10));
    let ada = shop.customer();
    shop.order(&ada, "k", &[(tea, 2)]).await;
    let other = shop.order(&ada, "k", &[(tea, 3)]).await;
    assert_eq!(other.refusal(), (422, "idempotency_key_reused"));
    assert_eq!(shop.stock.shelf_of(tea).on_hand, 8);
}

async fn a_refusal_is_the_answer_to_its_key_for_ever(shop: Shop) {
    let (tea, cup) = (shop.catalogue.put(450, Some(1)), shop.catalogue.put(1999, Some(5)));
    let ada = shop.customer();
    let refused = shop.order(&ada, "k", &[(tea, 2), (cup, 1)]).await;
    assert_eq!(refused.refusal(), (409, "insufficient_stock"));
    assert_eq!(
        refused.body["items"],
        json!([{"product_id": tea, "requested": 2, "available": 1}])
    );
    let id = refused.body["order_id"].as_str().unwrap();
    assert_eq!(shop.stock.shelf_of(cup).on_hand, 5);

    shop.stock.put_product(&shop.catalogue.get(tea), Some(100));
    let again = shop.order(&ada, "k", &[(tea, 2), (cup, 1)]).await;
    assert_eq!(again.refusal(), (409, "insufficient_stock"));
    assert_eq!(
        (&again.body["order_id"], &again.body["items"]),
        (&refused.body["order_id"], &refused.body["items"])
    );
    assert_eq!(again.header("idempotent-replayed"), Some("true"));

    let order = shop.get(&format!("/api/orders/{id}"), &ada).await.body;
    assert_eq!(
        (&order["status"], &order["reason"]["code"]),
        (&json!("rejected"), &json!("insufficient_stock"))
    );
    assert_eq!(
        (&order["total"], &order["items"][0]["unit_price"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(shop.cancel(&ada, &order).await.refusal(), (409, "not_cancellable"));
}

async fn what_is_not_for_sale_is_refused_by_name(shop: Shop) {
    let tea = shop.catalogue.put(450, Some(10));
    let unknown = shop.customer().id.as_uuid().into();
    let ada = shop.customer();
    let refused = shop.order(&ada, "k", &[(tea, 1), (unknown, 1)]).await;
    assert_eq!(refused.refusal(), (422, "unknown_product"));
    assert_eq!(refused.body["items"], json!([{"product_id": unknown}]));
    assert!(refused.body["order_id"].is_string());
    let euros = ShelfProduct {
        price: values::Money::new(5, "EUR".parse().unwrap()).unwrap(),
        ..ShelfProduct::priced(shop.customer().id.as_uuid().into(), 5)
    };
    shop.catalogue.replace(&euros, Some(10));
    let refused = shop.order(&ada, "k2", &[(tea, 1), (euros.id, 1)]).await;
    assert_eq!(refused.refusal(), (422, "mixed_currency"));
    assert_eq!(shop.stock.shelf_of(tea).on_hand, 10);
}

async fn fifty_twins_buy_once(shop: Shop) {
    let tea = shop.catalogue.put(450, Some(100));
    let ada = shop.customer();
    let basket = [(tea, 1)];
    let replies = join_all((0..50).map(|_| shop.order(&ada, "k", &basket))).await;
    let first = replies
        .iter()
        .find(|reply| reply.header("idempotent-replayed").is_none())
        .unwrap();
    for reply in &replies {
        assert!(reply.status == 201 || reply.status == 202, "{reply:?}");
        assert_eq!(reply.body["id"], first.body["id"]);
    }
    let fresh = replies
        .iter()
        .filter(|reply| reply.header("idempotent-replayed").is_none())
        .count();
    assert_eq!((fresh, shop.stock.shelf_of(tea).on_hand), (1, 99));
}

async fn the_last_piece_is_sold_once(shop: Shop) {
    let tea = shop.catalogue.put(450, Some(1));
    let customers: Vec<_> = (0..30).map(|_| shop.customer()).collect();
    let basket = [(tea, 1)];
    let replies = join_all(customers.iter().map(|who| shop.order(who, "k", &basket))).await;
    let won = replies.iter().filter(|reply| reply.status == 201).count();
    let lost = replies
        .iter()
        .filter(|reply| reply.refusal() == (409, "insufficient_stock"))
        .count();
    assert_eq!((won, lost), (1, 29));
}

async fn opposite_orders_both_go_through(shop: Shop) {
    let (tea, cup) = (shop.catalogue.put(450, Some(100)), shop.catalogue.put(1999, Some(100)));
    let customers: Vec<_> = (0..20).map(|_| shop.customer()).collect();
    let orders = customers.iter().enumerate().map(async |(n, who)| {
        let items = if n % 2 == 0 {
            [(tea, 1), (cup, 1)]
        } else {
            [(cup, 1), (tea, 1)]
        };
        shop.order(who, "k", &items).await.status
    });
    assert_eq!(join_all(orders).await, vec![201; 20]);
    assert_eq!(
        (shop.stock.shelf_of(tea).on_hand, shop.stock.shelf_of(cup).on_hand),
        (80, 80)
    );
}

async fn a_cancel_brings_the_goods_back_once(shop: Shop) {
    let tea = shop.catalogue.put(450, Some(10));
    let ada = shop.customer();
    let order = shop.order(&ada, "k", &[(tea, 4)]).await.body;
    let stranger = shop.cancel(&shop.customer(), &order).await;
    assert_eq!(stranger.refusal(), (404, "not_found"));
    let replies = join_all((0..10).map(|_| shop.cancel(&ada, &order))).await;
    for reply in replies {
        assert_eq!(
            (reply.status, &reply.body["status"]),
            (200, &json!("cancelled")),
            "{reply:?}"
        );
        assert_eq!(reply.body["reason"]["code"], "cancel_requested");
    }
    eventually("the goods are back", async || shop.stock.shelf_of(tea).on_hand == 10).await;
    // It was bought once, and the answer to the key tells what became of it.
    let again = shop.order(&ada, "k", &[(tea, 4)]).await;
    assert_eq!((again.status, &again.body["status"]), (201, &json!("cancelled")));
    assert_eq!(shop.cancel(&ada, &order).await.status, 200);
    assert_eq!(shop.stock.shelf_of(tea).on_hand, 10);
}

async fn a_history_has_pages_and_filters(shop: Shop) {
    let tea = shop.catalogue.put(450, Some(10));
    let (ada, bob, admin) = (shop.customer(), shop.customer(), shop.admin());
    for key in ["a", "b", "c"] {
        shop.order(&ada, key, &[(tea, 1)]).await;
    }
    shop.order(&ada, "many", &[(tea, 1000)]).await;
    let bobs = shop.order(&bob, "a", &[(tea, 1)]).await.body;

    let page = shop.get("/api/orders?limit=2&count=true", &ada).await;
    assert_eq!(
        (
            page.status,
            page.body["items"].as_array().unwrap().len(),
            &page.body["total"]
        ),
        (200, 2, &json!(3))
    );
    let cursor = page.body["next_cursor"].as_str().unwrap();
    let rest = shop.get(&format!("/api/orders?limit=2&cursor={cursor}"), &ada).await;
    assert_eq!(
        (rest.body["items"].as_array().unwrap().len(), &rest.body["next_cursor"]),
        (1, &Value::Null)
    );
    assert_eq!(rest.body.get("total"), None);
    let other = shop
        .get(&format!("/api/orders?status=confirmed&cursor={cursor}"), &ada)
        .await;
    assert_eq!(other.refusal(), (422, "cursor_mismatch"));
    assert_eq!(
        shop.get("/api/orders?cursor=x", &ada).await.refusal(),
        (422, "cursor_invalid")
    );

    let rejected = shop.get("/api/orders?status=rejected", &ada).await.body;
    assert_eq!(rejected["items"].as_array().unwrap().len(), 1);
    let all = shop.get("/api/orders", &admin).await.body;
    let all = all["items"].as_array().unwrap();
    assert!(all.len() == 4 && all.contains(&bobs), "{all:?}");
    let one = shop.get(&format!("/api/orders?user_id={}", bob.id), &admin).await.body;
    assert_eq!(one["items"], json!([bobs]));
    assert_eq!(
        shop.get(&format!("/api/orders?user_id={}", bob.id), &ada)
            .await
            .refusal(),
        (403, "forbidden")
    );
    let faulty = shop.get("/api/orders?user_id=x&limit=0", &admin).await;
    assert_eq!(faulty.refusal(), (422, "invalid"));
    assert_eq!(faulty.body["errors"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn somebody_elses_order_is_not_there() {
    let (shop, _database) = shop().await;
    let tea = shop.catalogue.put(450, None);
    let order = shop.order(&shop.customer(), "k", &[(tea, 1)]).await.body;
    let path = format!("/api/orders/{}", order["id"].as_str().unwrap());
    assert_eq!(shop.get(&path, &shop.customer()).await.refusal(), (404, "not_found"));
    assert_eq!(shop.get(&path, &shop.admin()).await.body, order);
    assert_eq!(
        shop.get("/api/orders/no-id", &shop.customer()).await.refusal(),
        (404, "not_found")
    );
    let nobody = shop.request(Method::GET, &path, None).send().await.unwrap();
    assert_eq!(Reply::of(nobody).await.refusal(), (401, "unauthenticated"));
}

#[tokio::test]
async fn an_order_needs_a_key_and_a_body_that_makes_sense() {
    let (shop, _database) = shop().await;
    let ada = shop.customer();
    let send = async |key: Option<&str>, body: Value| {
        let mut request = shop.request(Method::POST, "/api/orders", Some(&ada)).json(&body);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        Reply::of(request.send().await.unwrap()).await
    };
    let good = basket(&[(ada.id.as_uuid().into(), 1)]);
    assert_eq!(
        send(None, good.clone()).await.refusal(),
        (400, "idempotency_key_required")
    );
    assert_eq!(
        send(Some("two words"), good.clone()).await.refusal(),
        (400, "idempotency_key_invalid")
    );
    assert_eq!(
        send(Some("k"), json!({"items": [], "price": 1})).await.refusal(),
        (422, "invalid")
    );
    let faulty = send(Some("k"), json!({"items": [{"product_id": "x", "quantity": 0}]})).await;
    assert_eq!(faulty.body["errors"][0]["pointer"], "/items/0/product_id");
    assert_eq!(faulty.body["errors"][1]["pointer"], "/items/0/quantity");
    // None of these has used the key up.
    assert_eq!(send(Some("k"), good).await.refusal(), (422, "unknown_product"));
}

#[tokio::test]
async fn an_order_that_was_seen_is_not_sent_again() {
    let (shop, _database) = shop().await;
    let tea = shop.catalogue.put(450, Some(10));
    let ada = shop.customer();
    let order = shop.order(&ada, "k", &[(tea, 1)]).await.body;
    for path in [
        format!("/api/orders/{}", order["id"].as_str().unwrap()),
        "/api/orders".to_owned(),
    ] {
        let first = shop.get(&path, &ada).await;
        let tag = first.header("etag").unwrap().to_owned();
        let ask = || {
            shop.request(Method::GET, &path, Some(&ada))
                .header("if-none-match", &tag)
        };
        assert_eq!(ask().send().await.unwrap().status().as_u16(), 304);
        shop.cancel(&ada, &order).await;
        shop.order_that_is(&ada, &order, "cancelled").await;
        shop.order(&ada, "k2", &[(tea, 1)]).await;
        if path.len() > 20 {
            assert_eq!(ask().send().await.unwrap().status().as_u16(), 200);
        }
    }
}

#[tokio::test]
async fn a_slow_stock_gives_202_and_the_order_is_finished_without_its_client() {
    let gate = Arc::new(Semaphore::new(0));
    let (shop, _database) = gated_shop(&gate, Providers::none()).await;
    let tea = shop.catalogue.put(450, Some(10));
    let ada = shop.customer();
    let open = shop.order(&ada, "k", &[(tea, 1)]).await;
    assert_eq!(
        (open.status, &open.body["status"], &open.body["total"]),
        (202, &json!("pending"), &Value::Null)
    );
    assert!(open.header("location").is_some());
    let twin = shop.order(&ada, "k", &[(tea, 1)]).await;
    assert_eq!((twin.status, &twin.body["id"]), (202, &open.body["id"]));
    gate.add_permits(100);
    shop.order_that_is(&ada, &open.body, "confirmed").await;
    let done = shop.order(&ada, "k", &[(tea, 1)]).await;
    assert_eq!((done.status, &done.body["id"]), (201, &open.body["id"]));
    assert_eq!(shop.stock.shelf_of(tea).on_hand, 9);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_while_the_client_waits() {
    let (shop, _database) = shop().await;
    let tea = shop.catalogue.put(450, Some(10));
    shop.stock.lose_answers(2);
    let bought = shop.order(&shop.customer(), "k", &[(tea, 1)]).await;
    assert_eq!((bought.status, shop.stock.shelf_of(tea).on_hand), (201, 9));
}

#[tokio::test]
async fn an_open_order_that_is_cancelled_ends_as_cancelled() {
    let gate = Arc::new(Semaphore::new(0));
    let (shop, _database) = gated_shop(&gate, Providers::none()).await;
    let tea = shop.catalogue.put(450, Some(10));
    let ada = shop.customer();
    let open = shop.order(&ada, "k", &[(tea, 1)]).await.body;
    let cancelled = shop.cancel(&ada, &open).await;
    assert_eq!((cancelled.status, &cancelled.body["status"]), (202, &json!("pending")));
    gate.add_permits(100);
    let order = shop.order_that_is(&ada, &open, "cancelled").await;
    assert_eq!(order["reason"]["code"], "cancel_requested");
    let replay = shop.order(&ada, "k", &[(tea, 1)]).await;
    // Sold before the release came: bought and brought back. Else it was never bought.
    assert!(
        replay.status == 201 || replay.refusal() == (409, "order_cancelled"),
        "{replay:?}"
    );
    eventually("the goods are back", async || shop.stock.shelf_of(tea).on_hand == 10).await;
}

#[tokio::test]
async fn a_declined_payment_is_the_answer_to_its_key() {
    let hold = Arc::new(Hold::declining_above(1000));
    let gate = Arc::new(Semaphore::new(1000));
    let (shop, _database) = gated_shop(&gate, Providers::paying_with(hold)).await;
    let tea = shop.catalogue.put(450, Some(10));
    let ada = shop.customer();
    assert_eq!(shop.order(&ada, "little", &[(tea, 1)]).await.status, 201);
    for _ in 0..2 {
        let declined = shop.order(&ada, "much", &[(tea, 3)]).await;
        assert_eq!(declined.refusal(), (402, "payment_declined"));
        let path = format!("/api/orders/{}", declined.body["order_id"].as_str().unwrap());
        let order = shop.get(&path, &ada).await.body;
        assert_eq!(
            (&order["status"], &order["reason"]["code"]),
            (&json!("cancelled"), &json!("payment_declined"))
        );
    }
    assert_eq!(
        (shop.stock.shelf_of(tea).on_hand, shop.stock.shelf_of(tea).reserved),
        (9, 0)
    );
}

#[tokio::test]
async fn a_cancel_honours_its_key() {
    let (shop, _database) = shop().await;
    let tea = shop.catalogue.put(450, Some(10));
    let ada = shop.customer();
    let first = shop.order(&ada, "a", &[(tea, 1)]).await.body;
    let second = shop.order(&ada, "b", &[(tea, 1)]).await.body;
    let cancel = async |order: &Value| {
        let path = format!("/api/orders/{}/cancel", order["id"].as_str().unwrap());
        let request = shop
            .request(Method::POST, &path, Some(&ada))
            .header("idempotency-key", "c");
        Reply::of(request.send().await.unwrap()).await
    };
    let fresh = cancel(&first).await;
    assert_eq!((fresh.status, fresh.header("idempotent-replayed")), (200, None));
    let again = cancel(&first).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
    assert_eq!(cancel(&second).await.refusal(), (422, "idempotency_key_reused"));
}

#[tokio::test]
async fn a_quote_holds_nothing_and_refuses_nothing_for_lack_of_stock() {
    let (shop, _database) = shop().await;
    let (tea, cup) = (shop.catalogue.put(450, Some(1)), shop.catalogue.put(1999, None));
    let quote = shop.quote(&[(tea, 3), (cup, 1)]).await;
    assert_eq!(quote.status, 200, "{quote:?}");
    assert_eq!(quote.body["total"], json!({"amount": 3349, "currency": "USD"}));
    for item in quote.body["items"].as_array().unwrap() {
        let expected = if item["product_id"] == json!(tea) {
            json!(1)
        } else {
            Value::Null
        };
        assert_eq!(item["available"], expected);
    }
    assert_eq!(shop.stock.shelf_of(tea).reserved, 0);
    let unknown = shop.customer().id.as_uuid().into();
    let refused = shop.quote(&[(tea, 1), (unknown, 1)]).await;
    assert_eq!(refused.refusal(), (422, "unknown_product"));
    assert_eq!(refused.body["items"], json!([{"product_id": unknown}]));
    assert_eq!(shop.quote(&[]).await.refusal(), (422, "invalid"));
}

#[tokio::test]
async fn quotes_come_from_memory() {
    let (shop, _database) = shop().await;
    let tea = shop.catalogue.put(450, Some(1));
    for _ in 0..20 {
        assert_eq!(shop.quote(&[(tea, 3)]).await.status, 200);
    }
    assert!(
        shop.catalogue.reads.load(Ordering::SeqCst) <= 2,
        "asked for every quote"
    );
}

#[tokio::test]
async fn quotes_outlive_the_catalogue() {
    let timings = Timings {
        inventory: Duration::ZERO,
        ..quick()
    };
    let database = TestDatabase::sqlite();
    let shop = Shop::with(database.open("order").await, timings, Providers::none(), |stock| {
        Arc::new(stock)
    })
    .await;
    let tea = shop.catalogue.put(450, Some(1));
    assert_eq!(shop.quote(&[(tea, 3)]).await.status, 200);
    shop.catalogue.is_away.store(true, Ordering::SeqCst);
    assert_eq!(shop.quote(&[(tea, 3)]).await.status, 200);
    let unknown = shop.customer().id.as_uuid().into();
    assert_eq!(shop.quote(&[(unknown, 1)]).await.refusal(), (503, "unavailable"));
}

#[tokio::test]
async fn a_stop_publishes_what_orders_had_to_say() {
    let (shop, _database) = shop().await;
    let tea = shop.catalogue.put(450, Some(10));
    let ada = shop.customer();
    let basket = [(tea, 1)];
    join_all(["a", "b", "c"].map(|key| shop.order(&ada, key, &basket))).await;
    shop.lifecycle.stop();
    eventually("all is published", async || {
        shop.database.outbox().pending(10).await.unwrap().is_empty()
    })
    .await;
}

#[test]
fn the_document_that_is_checked_in_is_the_one_of_the_code() {
    let document = order_service::app::App::openapi().unwrap().to_pretty_json().unwrap() + "\n";
    assert!(
        order_api::OPENAPI == document,
        "run `order-service openapi` into order-api/openapi.json"
    );
}

#[test]
fn so_is_that_of_the_internal_routes() {
    let document = order_service::app::App::internal_openapi()
        .unwrap()
        .to_pretty_json()
        .unwrap()
        + "\n";
    assert!(
        order_api::INTERNAL_OPENAPI == document,
        "run: cargo run -p order-service -- openapi --internal > shared/contracts/order-api/internal.json"
    );
}
