//! One trace leads through all processes that a request has to do with.

mod collector;

use std::time::Duration;

use platform_sql::testing::TestDatabase;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::topologies::cluster::{ADMIN, ADMIN_PASSWORD, Cluster, Layout, Scheme};
use collector::{Collector, Exported};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
/// A trace whose caller does not want it recorded.
const UNRECORDED: &str = "0af7651916cd43dd8448eb211c80319c";

struct Shop {
    http: Client,
    url: String,
}

impl Shop {
    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Value {
        let mut request = self.http.post(format!("{}{path}", self.url)).json(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let (status, answer) = (answer.status(), answer.json::<Value>().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }
}

/// The one span of a process that is of a kind, has this in its name or attributes, and is a child of that one.
fn find<'a>(spans: &'a [Exported], process: &str, kind: &str, about: &str, parent: &str) -> Option<&'a Exported> {
    let mut all = spans.iter();
    all.find(|it| it.process == process && it.kind == kind && it.about.contains(about) && it.parent == parent)
}

/// What is missing on the way of an order, in the order of its steps.
fn missing_step(spans: &[Exported]) -> Option<&'static str> {
    let Some(door) = find(spans, "api-gateway", "server", "/api/orders", CALLER) else {
        return Some("the gateway");
    };
    let Some(orders) = find(spans, "order-service", "server", "/api/orders", &door.id) else {
        return Some("orders, below the gateway");
    };
    let Some(call) = find(spans, "order-service", "client", "product", &orders.id) else {
        return Some("the call to products, below orders");
    };
    let Some(products) = find(spans, "product-service", "server", "", &call.id) else {
        return Some("products, below the call");
    };
    let Some(publish) = find(spans, "product-service", "producer", "stock.changed", &products.id) else {
        return Some("the event out of the outbox, below products");
    };
    if find(spans, "order-service", "consumer", "stock.changed", &publish.id).is_none() {
        return Some("the consumer in orders, below the event");
    }
    let told = spans
        .iter()
        .any(|it| it.process == "order-service" && it.kind == "producer" && it.about.contains("order.confirmed"));
    (!told).then_some("the event of the order")
}

async fn one_trace_leads_through(scheme: Scheme, database: Option<TestDatabase>) {
    let collector = Collector::start();
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
    ];
    let layout = Layout::Five(scheme, database);
    let Some(cluster) = Cluster::open_with(&layout, &settings).await else {
        return;
    };
    let shop = Shop {
        http: Client::builder().no_proxy().build().unwrap(),
        url: cluster.url(),
    };
    let login = json!({"email": ADMIN, "password": ADMIN_PASSWORD});
    let session = shop.post("/api/auth/login", &[], &login).await;
    let bearer = format!("Bearer {}", session["access_token"].as_str().unwrap());
    let tea = json!({"sku": "TEA", "name": "Tea", "price": {"amount": 250, "currency": "USD"}, "stock": 5});
    let tea = shop.post("/api/products", &[("authorization", &bearer)], &tea).await;
    let order = json!({"items": [{"product_id": tea["id"], "quantity": 1}]});
    // The one that nobody wants recorded comes first: what it would leave behind has come when the other has.
    for (key, trace, flags) in [("first", UNRECORDED, "00"), ("second", TRACE, "01")] {
        let traceparent = format!("00-{trace}-{CALLER}-{flags}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("idempotency-key", key),
            ("traceparent", &traceparent),
        ];
        assert_eq!(shop.post("/api/orders", &headers, &order).await["status"], "confirmed");
    }

    let give_up = Instant::now() + Duration::from_secs(20);
    while let Some(step) = missing_step(&collector.spans(TRACE)) {
        let spans = collector.spans(TRACE);
        assert!(
            Instant::now() < give_up,
            "{scheme:?}: the trace does not lead through {step}:\n{spans:#?}"
        );
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(collector.spans(UNRECORDED), []);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_leads_from_the_door_to_the_consumer_of_an_event_over_http_on_files() {
    one_trace_leads_through(Scheme::Http, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_leads_from_the_door_to_the_consumer_of_an_event_over_grpc_on_postgres() {
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    one_trace_leads_through(Scheme::Grpc, Some(database)).await;
}
