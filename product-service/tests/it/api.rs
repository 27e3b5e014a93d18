//! The routes, through a real listener.

use std::sync::Arc;
use std::time::Duration;

use platform_clock::{Clock, ManualClock, SystemClock};
use platform_events::InProcessBus;
use platform_identity::testing::TestIssuer;
use platform_identity::{Audience, Role};
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::listener::{Limits, Listener};
use platform_runtime::router::Guard;
use platform_runtime::server::Server;
use platform_runtime::stack::Stack;
use platform_sql::testing::TestDatabase;
use product_api::testing::HELD_FOR;
use product_api::{Product, SaleMode, Stock, StockLine, StockRequest};
use product_service::{App, NAME};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tower::Layer;

/// The service on a listener of its own.
pub(crate) struct Shop {
    pub(crate) address: String,
    client: reqwest::Client,
    pub(crate) admin: String,
    pub(crate) customer: String,
    stock: Arc<dyn Stock>,
    _database: TestDatabase,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::on(TestDatabase::sqlite()).await
    }

    async fn on(database: TestDatabase) -> Self {
        Self::by(database, Arc::new(SystemClock)).await
    }

    async fn by(database: TestDatabase, clock: Arc<dyn Clock>) -> Self {
        let opened = database.open(NAME).await;
        let currency = "USD".parse().unwrap();
        let app = App::build(opened, "test", currency, clock.clone()).await.unwrap();
        let issuer = TestIssuer::new(clock.clone());
        let guard = Guard::new(
            issuer.verifier(Audience::People),
            issuer.verifier(Audience::Service(NAME)),
        );
        let lifecycle = Lifecycle::new(Duration::ZERO);
        app.start(Arc::new(InProcessBus::new(clock.clone())), &lifecycle)
            .await
            .unwrap();
        let built = app.routes().build(App::info(), &guard).unwrap();
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Limits::inner()).unwrap();
        let address = format!("http://{}", listener.local_addr());
        Server::new(lifecycle).add(listener, Stack::new(clock.clone()).layer(built.router));
        let token = |roles: &[Role]| issuer.user_token(clock.new_id().into(), roles);
        Self {
            address,
            client: reqwest::Client::builder().build().unwrap(),
            admin: token(&[Role::Customer, Role::Admin]),
            customer: token(&[Role::Customer]),
            stock: app.stock(),
            _database: database,
        }
    }

    pub(crate) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.address))
    }

    pub(crate) fn admin(&self, method: Method, path: &str) -> RequestBuilder {
        self.ask(method, path).bearer_auth(&self.admin)
    }

    async fn create(&self, body: &Value) -> Value {
        let answer = self
            .admin(Method::POST, "/api/products")
            .json(body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201);
        answer.json().await.unwrap()
    }

    /// What anybody sees.
    async fn get(&self, path: &str) -> Response {
        self.ask(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn list(&self, query: &str) -> Value {
        let answer = self.get(&format!("/api/products{query}")).await;
        assert_eq!(answer.status(), 200, "{query}");
        answer.json().await.unwrap()
    }
}

fn lamp(sku: &str) -> Value {
    json!({"sku": sku, "name": "Lamp", "price": {"amount": 1999, "currency": "USD"}, "stock": 5})
}

fn path(product: &Value) -> String {
    format!("/api/products/{}", product["id"].as_str().unwrap())
}

pub(crate) fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

pub(crate) async fn refusal(answer: Response) -> (u16, String, Vec<String>) {
    let status = answer.status().as_u16();
    assert_eq!(header(&answer, "content-type"), "application/problem+json");
    let body: Value = answer.json().await.unwrap();
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    let pointers = errors
        .iter()
        .map(|error| error["pointer"].as_str().unwrap().to_owned())
        .collect();
    (status, body["code"].as_str().unwrap().to_owned(), pointers)
}

pub(crate) fn refused(status: u16, code: &str, pointers: &[&str]) -> (u16, String, Vec<String>) {
    (
        status,
        code.to_owned(),
        pointers.iter().map(|pointer| (*pointer).to_owned()).collect(),
    )
}

fn skus(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item["sku"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_new_product_is_there_for_everybody() {
    let shop = Shop::open().await;
    let answer = shop
        .admin(Method::POST, "/api/products")
        .json(&lamp("a"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);
    let (location, etag) = (
        header(&answer, "location").to_owned(),
        header(&answer, "etag").to_owned(),
    );
    let created: Value = answer.json().await.unwrap();
    let as_product: Product = serde_json::from_value(created.clone()).unwrap();
    assert_eq!(serde_json::to_value(&as_product).unwrap(), created, "and nothing else");
    insta::assert_json_snapshot!(as_product, {".id" => "<id>", ".created_at" => "<time>", ".updated_at" => "<time>"}, @r#"
    {
      "id": "<id>",
      "sku": "a",
      "name": "Lamp",
      "description": "",
      "category": null,
      "tags": [],
      "vendor": null,
      "images": [],
      "family": null,
      "options": {},
      "price": {
        "amount": 1999,
        "currency": "USD"
      },
      "compare_at_price": null,
      "stock": 5,
      "published": true,
      "barcode": null,
      "weight_grams": null,
      "version": 1,
      "created_at": "<time>",
      "updated_at": "<time>"
    }
    "#);
    let found = shop.get(&location).await;
    assert_eq!((found.status().as_u16(), header(&found, "etag")), (200, etag.as_str()));
    assert_eq!(found.json::<Value>().await.unwrap(), created);
    assert_eq!(shop.list("").await["items"][0], created);
}

#[tokio::test]
async fn only_an_admin_writes() {
    let shop = Shop::open().await;
    let made = shop.create(&lamp("a")).await;
    let stock = format!("{}/stock", path(&made));
    let routes = [
        (Method::POST, "/api/products"),
        (Method::PUT, &path(&made)),
        (Method::DELETE, &path(&made)),
    ];
    for (method, path) in routes.into_iter().chain([(Method::POST, stock.as_str())]) {
        let nobody = shop.ask(method.clone(), path).json(&lamp("b")).send().await.unwrap();
        assert_eq!(nobody.status(), 401, "{method} {path}");
        let customer = shop
            .ask(method.clone(), path)
            .bearer_auth(&shop.customer)
            .json(&lamp("b"));
        assert_eq!(customer.send().await.unwrap().status(), 403, "{method} {path}");
    }
}

#[tokio::test]
async fn all_faults_of_a_body_are_reported_together() {
    let shop = Shop::open().await;
    let post = async |body: &Value| {
        refusal(
            shop.admin(Method::POST, "/api/products")
                .json(body)
                .send()
                .await
                .unwrap(),
        )
        .await
    };
    let body = json!({"name": "", "price": {"amount": -1, "currency": "usd"}});
    let expected = ["/stock", "/sku", "/name", "/price/currency", "/price/amount"];
    assert_eq!(post(&body).await, refused(422, "invalid", &expected));
    assert_eq!(post(&json!({"prize": 1})).await, refused(422, "invalid", &["/prize"]));
    let body = json!({"price": {"amount": 1.5, "currency": "USD"}});
    assert_eq!(post(&body).await, refused(422, "invalid", &["/price/amount"]));
    shop.create(&lamp("a")).await;
    assert_eq!(post(&lamp("a")).await, refused(409, "sku_taken", &["/sku"]));
}

#[tokio::test]
async fn a_put_replaces_all_but_stock() {
    let shop = Shop::open().await;
    let path = path(&shop.create(&lamp("a")).await);
    let put = |body: Value| shop.admin(Method::PUT, &path).json(&body);
    let body = json!({"sku": "b", "name": "Light", "price": {"amount": 5, "currency": "EUR"}, "published": true});
    let answer = put(body.clone()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let etag = header(&answer, "etag").to_owned();
    let updated: Value = answer.json().await.unwrap();
    assert_eq!(
        (&updated["version"], &updated["stock"], &updated["name"]),
        (&json!(2), &json!(5), &json!("Light"))
    );
    assert_eq!(
        shop.get(&path).await.json::<Value>().await.unwrap(),
        updated,
        "a reader sees it at once"
    );

    let mut with_stock = body.clone();
    with_stock["stock"] = json!(1);
    let answer = put(with_stock).send().await.unwrap();
    assert_eq!(refusal(answer).await, refused(422, "stock_not_writable", &["/stock"]));
    let answer = put(body.clone()).header("if-match", "\"1.0\"").send().await.unwrap();
    assert_eq!(refusal(answer).await, refused(412, "precondition_failed", &[]));
    let weak = format!("W/{etag}");
    assert_eq!(
        put(body.clone())
            .header("if-match", &weak)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(put(body).header("if-match", &weak).send().await.unwrap().status(), 412);
}

#[tokio::test]
async fn a_deleted_product_is_gone_and_its_sku_is_free() {
    let shop = Shop::open().await;
    let path = path(&shop.create(&lamp("a")).await);
    assert_eq!(shop.get(&path).await.status(), 200);
    let stale = shop
        .admin(Method::DELETE, &path)
        .header("if-match", "\"9\"")
        .send()
        .await
        .unwrap();
    assert_eq!(stale.status(), 412);
    assert_eq!(shop.admin(Method::DELETE, &path).send().await.unwrap().status(), 204);
    assert_eq!(shop.get(&path).await.status(), 404);
    assert_eq!(shop.admin(Method::DELETE, &path).send().await.unwrap().status(), 404);
    assert!(skus(&shop.list("").await).is_empty());
    shop.create(&lamp("a")).await;
}

#[tokio::test]
async fn what_is_unpublished_is_an_admins_alone() {
    let shop = Shop::open().await;
    let mut hidden = lamp("a");
    hidden["published"] = json!(false);
    let path = path(&shop.create(&hidden).await);
    assert_eq!(shop.get(&path).await.status(), 404);
    assert!(skus(&shop.list("").await).is_empty());
    assert_eq!(shop.admin(Method::GET, &path).send().await.unwrap().status(), 200);
    let list: Value = shop
        .admin(Method::GET, "/api/products")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(skus(&list), ["a"]);
    assert_eq!(shop.get("/api/products/nonsense").await.status(), 404);
}

#[tokio::test]
async fn who_has_an_answer_already_is_told_so() {
    let shop = Shop::open().await;
    let path = path(&shop.create(&lamp("a")).await);
    for path in [path.as_str(), "/api/products"] {
        let etag = header(&shop.get(path).await, "etag").to_owned();
        let again = shop
            .ask(Method::GET, path)
            .header("if-none-match", &etag)
            .send()
            .await
            .unwrap();
        assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, etag.as_str()));
        let head = shop.ask(Method::HEAD, path).send().await.unwrap();
        assert_eq!((head.status().as_u16(), header(&head, "etag")), (200, etag.as_str()));
    }
}

#[tokio::test]
async fn stock_is_changed_beside_sales() {
    let shop = Shop::open().await;
    let made = shop.create(&lamp("a")).await;
    let stock = format!("{}/stock", path(&made));
    let post = |body: Value| shop.admin(Method::POST, &stock).json(&body);
    let answer = post(json!({"delta": -2, "reason": "broken"})).send().await.unwrap();
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap()["stock"].clone()
        ),
        (200, json!(3))
    );
    assert_eq!(
        shop.get(&path(&made)).await.json::<Value>().await.unwrap()["stock"],
        3,
        "a reader sees it at once"
    );
    let answer = post(json!({"delta": -4, "reason": "lost"})).send().await.unwrap();
    assert_eq!(refusal(answer).await, refused(409, "insufficient_stock", &[]));
    let answer = post(json!({"set": null, "reason": "endless"})).send().await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap()["stock"], Value::Null);
    let answer = post(json!({"delta": 1, "reason": "found"})).send().await.unwrap();
    assert_eq!(refusal(answer).await, refused(409, "stock_not_counted", &[]));
    let answer = post(json!({"delta": 1, "set": 1})).send().await.unwrap();
    assert_eq!(refusal(answer).await, refused(422, "invalid", &["/reason", "/delta"]));
}

/// An order for so many of a product.
fn order(product: &Value, pieces: i64) -> StockRequest {
    StockRequest {
        order_id: SystemClock.new_id().into(),
        lines: vec![StockLine {
            product_id: product["id"].as_str().unwrap().parse().unwrap(),
            quantity: pieces.try_into().unwrap(),
        }],
    }
}

#[tokio::test]
async fn a_reader_sees_at_once_what_is_sold_held_and_let_go() {
    let shop = Shop::open().await;
    let made = shop.create(&lamp("a")).await;
    let seen = async || shop.get(&path(&made)).await.json::<Value>().await.unwrap()["stock"].clone();
    assert_eq!(seen().await, 5);
    shop.stock.sell(&order(&made, 1), SaleMode::Always).await.unwrap();
    assert_eq!(seen().await, 4);
    let held = order(&made, 2);
    shop.stock.reserve(&held).await.unwrap();
    assert_eq!(seen().await, 2);
    shop.stock.release(held.order_id).await.unwrap();
    assert_eq!(seen().await, 4);
}

#[tokio::test]
async fn what_is_held_for_too_long_comes_back_by_itself() {
    let clock = Arc::new(ManualClock::default());
    let shop = Shop::by(TestDatabase::sqlite(), clock.clone()).await;
    let made = shop.create(&lamp("a")).await;
    shop.stock.reserve(&order(&made, 5)).await.unwrap();
    clock.advance(HELD_FOR);
    for _ in 0..2_000 {
        let stock = &shop.get(&path(&made)).await.json::<Value>().await.unwrap()["stock"];
        if *stock == 5 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came back");
}

#[tokio::test]
async fn a_repeated_key_has_one_effect_and_one_answer() {
    let shop = Shop::open().await;
    let post = |path: &str, key: &str, body: &Value| {
        shop.admin(Method::POST, path)
            .header("idempotency-key", key)
            .json(body)
            .send()
    };
    let first = post("/api/products", "k", &lamp("a")).await.unwrap();
    let (location, etag) = (header(&first, "location").to_owned(), header(&first, "etag").to_owned());
    let created: Value = first.json().await.unwrap();
    let mut same = lamp("a");
    same["published"] = json!(true);
    let again = post("/api/products", "k", &same).await.unwrap();
    assert_eq!(
        (again.status().as_u16(), header(&again, "idempotent-replayed")),
        (201, "true")
    );
    assert_eq!(
        (header(&again, "location"), header(&again, "etag")),
        (location.as_str(), etag.as_str())
    );
    assert_eq!(again.json::<Value>().await.unwrap(), created);
    let other = post("/api/products", "k", &lamp("b")).await.unwrap();
    assert_eq!(refusal(other).await, refused(422, "idempotency_key_reused", &[]));

    let refused_once = post("/api/products", "taken", &lamp("a")).await.unwrap();
    assert_eq!(
        (
            refused_once.status().as_u16(),
            header(&refused_once, "idempotent-replayed")
        ),
        (409, "")
    );
    shop.admin(Method::DELETE, &location).send().await.unwrap();
    let still = post("/api/products", "taken", &lamp("a")).await.unwrap();
    assert_eq!(header(&still, "idempotent-replayed"), "true");
    assert_eq!(refusal(still).await, refused(409, "sku_taken", &["/sku"]));

    let stock = format!("{}/stock", path(&shop.create(&lamp("c")).await));
    for _ in 0..3 {
        let answer = post(&stock, "s", &json!({"delta": 1, "reason": "found"}))
            .await
            .unwrap();
        assert_eq!(answer.json::<Value>().await.unwrap()["stock"], 6);
    }
}

#[tokio::test]
async fn a_list_is_walked_by_its_cursors() {
    let shop = Shop::open().await;
    for n in 0..5 {
        shop.create(&lamp(&format!("{n}"))).await;
    }
    let first = shop.list("?limit=2&sort=created_at&count=true").await;
    assert_eq!((skus(&first), &first["total"]), (vec!["0", "1"], &json!(5)));
    let cursor = first["next_cursor"].as_str().unwrap().to_owned();
    let second = shop.list(&format!("?limit=2&sort=created_at&cursor={cursor}")).await;
    assert_eq!(skus(&second), ["2", "3"]);
    assert!(second.get("total").is_none());
    let cursor_of_second = second["next_cursor"].as_str().unwrap();
    let third = shop
        .list(&format!("?limit=2&sort=created_at&cursor={cursor_of_second}"))
        .await;
    assert_eq!((skus(&third), &third["next_cursor"]), (vec!["4"], &Value::Null));
    let other = shop.get(&format!("/api/products?sort=name&cursor={cursor}")).await;
    assert_eq!(refusal(other).await, refused(422, "cursor_mismatch", &[]));
    let broken = shop.get("/api/products?cursor=x").await;
    assert_eq!(refusal(broken).await, refused(422, "cursor_invalid", &[]));
}

#[tokio::test]
async fn a_list_is_filtered_and_searched() {
    let shop = Shop::open().await;
    let mut shirt = lamp("shirt-s");
    shirt["name"] = json!("Crème Shirt");
    shirt["family"] = json!("shirt");
    shirt["options"] = json!({"Size": "S"});
    shirt["tags"] = json!(["new"]);
    shirt["stock"] = json!(0);
    shop.create(&shirt).await;
    let mut large = shirt.clone();
    large["sku"] = json!("shirt-l");
    large["options"] = json!({"Size": "L"});
    large["price"]["amount"] = json!(999);
    large["stock"] = Value::Null;
    shop.create(&large).await;
    shop.create(&lamp("lamp")).await;
    for (query, expected) in [
        ("?tag=new&sort=price", vec!["shirt-l", "shirt-s"]),
        ("?family=shirt&in_stock=true", vec!["shirt-l"]),
        ("?min_price=1000&sort=created_at", vec!["shirt-s", "lamp"]),
        ("?max_price=1000&currency=EUR", vec![]),
        ("?q=creme+shi&sort=created_at", vec!["shirt-s", "shirt-l"]),
        ("?q=%21%21", vec![]),
        ("?q=%00%27%22", vec![]),
        ("?q=", vec!["lamp", "shirt-l", "shirt-s"]),
        ("?category=none", vec![]),
    ] {
        assert_eq!(skus(&shop.list(query).await), expected, "{query}");
    }
    let grouped = shop.list("?group=family&sort=-price").await;
    let family = &grouped["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["family"] == "shirt")
        .unwrap();
    assert_eq!(
        (&family["price_from"]["amount"], &family["variants"]),
        (&json!(999), &json!(2))
    );
    assert_eq!(grouped["items"].as_array().unwrap().len(), 2);
    let bad = shop.get("/api/products?limit=0&min_price=-1&tag=%00").await;
    assert_eq!(
        refusal(bad).await,
        refused(422, "invalid", &["?tag", "?min_price", "?limit"])
    );
    let unknown = shop.get("/api/products?colour=red").await;
    assert_eq!(refusal(unknown).await, refused(422, "invalid", &["?colour"]));
}
