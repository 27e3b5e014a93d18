//! The broker goes away: the shop sells on, and afterwards everything has been told once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use async_nats::jetstream;
use platform_testing::{NatsServer, Process};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

const ADMIN: [&str; 2] = ["admin@shop.example", "correct horse battery staple"];
/// How long the broker is away.
const OUTAGE: Duration = Duration::from_secs(3);

/// A shop, and somebody who may do everything there.
struct Shop {
    process: Process,
    client: Client,
    token: String,
}

impl Shop {
    async fn open(data: &Path, nats: &NatsServer) -> Self {
        let nats_url = nats.url();
        let settings = [
            ("DATA_DIR", data.to_str().unwrap()),
            ("NATS_URL", &nats_url),
            ("BOOTSTRAP_ADMIN_EMAIL", ADMIN[0]),
            ("BOOTSTRAP_ADMIN_PASSWORD", ADMIN[1]),
            ("RATE_LIMITS", "off"),
        ];
        let mut shop = Self {
            process: Process::spawn(Path::new(env!("CARGO_BIN_EXE_stoa")), &[], &settings).await,
            client: Client::builder().no_proxy().build().unwrap(),
            token: String::new(),
        };
        let login = json!({"email": ADMIN[0], "password": ADMIN[1]});
        let (status, answer) = shop.post("/api/auth/login", "login", &login).await;
        assert_eq!(status, StatusCode::OK);
        answer["access_token"].as_str().unwrap().clone_into(&mut shop.token);
        shop
    }

    async fn post(&self, path: &str, key: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.client.post(self.process.url(path)).header("Idempotency-Key", key);
        let answer = request.bearer_auth(&self.token).json(body).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// Sells one and answers the order's id.
    async fn sell(&self, product: &str, key: &str) -> String {
        let order = json!({"items": [{"product_id": product, "quantity": 1}]});
        let (status, order) = self.post("/api/orders", key, &order).await;
        assert_eq!(status, StatusCode::CREATED, "{order}");
        order["id"].as_str().unwrap().to_owned()
    }

    /// What readiness says of the broker; the shop is ready in any case.
    async fn broker(&self) -> String {
        let ready = self.client.get(self.process.url("/health/ready")).send().await.unwrap();
        assert_eq!(ready.status(), StatusCode::OK);
        let ready: Value = ready.json().await.unwrap();
        ready["checks"]["nats"].as_str().unwrap().to_owned()
    }
}

/// How often each order was told to be confirmed, by what the stream holds.
async fn confirmed(nats: &NatsServer) -> BTreeMap<String, u32> {
    let client = async_nats::connect(nats.url()).await.unwrap();
    let mut told = BTreeMap::new();
    // A broker that was away before anything was told has no stream yet: the relay makes it when it is back.
    let Ok(stream) = jetstream::new(client).get_stream("stoa").await else {
        return told;
    };
    for sequence in 1..=stream.cached_info().state.last_sequence {
        let message = stream.get_raw_message(sequence).await.unwrap();
        if message.subject.as_str() == "order.confirmed" {
            let event: Value = serde_json::from_slice(&message.payload).unwrap();
            *told.entry(event["subject"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    told
}

#[tokio::test]
async fn with_the_broker_away_the_shop_sells_on_and_afterwards_each_order_has_been_told_once() {
    let Some(mut nats) = NatsServer::start().await else {
        return;
    };
    let data = tempfile::tempdir().unwrap();
    let shop = Shop::open(data.path(), &nats).await;
    assert_eq!(shop.broker().await, "ok");
    let tea = json!({"sku": "TEA-1", "name": "Tea", "price": {"amount": 500, "currency": "USD"}, "stock": 1_000});
    let (status, tea) = shop.post("/api/products", "tea", &tea).await;
    assert_eq!(status, StatusCode::CREATED, "{tea}");
    let tea = tea["id"].as_str().unwrap();

    let mut orders = BTreeSet::new();
    orders.insert(shop.sell(tea, "before").await);
    nats.kill().await;
    let away_since = Instant::now();
    while away_since.elapsed() < OUTAGE {
        orders.insert(shop.sell(tea, &format!("meanwhile-{}", orders.len())).await);
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(shop.broker().await, "away: events wait");
    nats.begin().await;
    orders.insert(shop.sell(tea, "after").await);

    let give_up = Instant::now() + Duration::from_secs(30);
    while confirmed(&nats).await.len() < orders.len() {
        assert!(Instant::now() < give_up, "not every order was told of");
        sleep(Duration::from_millis(100)).await;
    }
    let told = confirmed(&nats).await;
    assert_eq!(told.keys().cloned().collect::<BTreeSet<_>>(), orders);
    assert!(told.values().all(|&times| times == 1), "{told:?}");
    assert_eq!(shop.broker().await, "ok");
    assert!(shop.process.terminate().await.success());
}
