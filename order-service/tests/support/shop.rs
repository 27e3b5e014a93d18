//! order-service behind a listener, with a fake of the stock and of the catalogue.

use std::sync::Arc;
use std::time::Duration;

use order_service::app::{App, Neighbours, info};
use order_service::payment::Providers;
use order_service::timings::Timings;
use platform_clock::SystemClock;
use platform_events::InProcessBus;
use platform_identity::testing::TestIssuer;
use platform_identity::{Audience, Role};
use platform_runtime::health::Health;
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::listener::{Limits, Listener};
use platform_runtime::router::Guard;
use platform_runtime::server::Server;
use platform_runtime::stack::Stack;
use platform_sql::Database;
use product_api::Stock;
use product_api::testing::InMemoryStock;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tower::Layer;
use values::{ProductId, UserId};

use super::catalogue::Catalogue;

/// What tests wait for: short, and long enough for a busy machine.
pub(crate) fn quick() -> Timings {
    Timings {
        call: Duration::from_millis(400),
        wait: Duration::from_millis(400),
        lease: Duration::from_millis(500),
        first_back_off: Duration::from_millis(10),
        longest_back_off: Duration::from_millis(50),
        recovery: Duration::from_millis(50),
        ..Timings::default()
    }
}

/// A running shop.
pub(crate) struct Shop {
    pub(crate) stock: InMemoryStock,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) database: Database,
    pub(crate) lifecycle: Lifecycle,
    issuer: Arc<TestIssuer>,
    client: reqwest::Client,
    base: String,
}

/// Somebody with a token.
pub(crate) struct Customer {
    pub(crate) id: UserId,
    token: String,
}

impl Shop {
    pub(crate) async fn open(database: Database) -> Self {
        Self::with(database, quick(), Providers::none(), |stock| Arc::new(stock)).await
    }

    /// A shop that reaches its stock through something.
    pub(crate) async fn with(
        database: Database,
        timings: Timings,
        providers: Providers,
        through: impl FnOnce(InMemoryStock) -> Arc<dyn Stock>,
    ) -> Self {
        let clock = Arc::new(SystemClock);
        let stock = InMemoryStock::default();
        let catalogue = Catalogue::new(stock.clone());
        let neighbours = Neighbours {
            stock: through(stock.clone()),
            products: catalogue.clone(),
            providers,
        };
        let app = App::build(database.clone(), "test", neighbours, clock.clone(), timings)
            .await
            .unwrap();
        let lifecycle = Lifecycle::new(Duration::ZERO);
        let bus = Arc::new(InProcessBus::new(clock.clone()));
        app.start(bus, &lifecycle).await.unwrap();

        let issuer = TestIssuer::new(clock.clone());
        let guard = Guard::new(
            issuer.verifier(Audience::People),
            issuer.verifier(Audience::Service("order")),
        );
        let health = app.checks(Health::new(lifecycle.clone()));
        let built = app.routes().merge(health.routes()).build(info(), &guard).unwrap();
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Limits::inner()).unwrap();
        let base = format!("http://{}", listener.local_addr());
        let mut server = Server::new(lifecycle.clone());
        server.add(listener, Stack::new(clock).layer(built.router));
        tokio::spawn(server.run());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            stock,
            catalogue,
            database,
            lifecycle,
            issuer,
            client,
            base,
        }
    }

    pub(crate) fn customer(&self) -> Customer {
        self.person(&[Role::Customer])
    }

    pub(crate) fn admin(&self) -> Customer {
        self.person(&[Role::Customer, Role::Admin])
    }

    fn person(&self, roles: &[Role]) -> Customer {
        let id = UserId::from(platform_clock::Clock::new_id(&SystemClock));
        let token = self.issuer.user_token(id, roles);
        Customer { id, token }
    }

    pub(crate) fn request(&self, method: Method, path: &str, who: Option<&Customer>) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match who {
            Some(who) => request.bearer_auth(&who.token),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str, who: &Customer) -> Reply {
        Reply::of(self.request(Method::GET, path, Some(who)).send().await.unwrap()).await
    }

    pub(crate) async fn order(&self, who: &Customer, key: &str, items: &[(ProductId, i64)]) -> Reply {
        let request = self
            .request(Method::POST, "/api/orders", Some(who))
            .header("idempotency-key", key);
        Reply::of(request.json(&basket(items)).send().await.unwrap()).await
    }

    pub(crate) async fn cancel(&self, who: &Customer, order: &Value) -> Reply {
        let path = format!("/api/orders/{}/cancel", order["id"].as_str().unwrap());
        Reply::of(self.request(Method::POST, &path, Some(who)).send().await.unwrap()).await
    }

    pub(crate) async fn quote(&self, items: &[(ProductId, i64)]) -> Reply {
        let request = self.request(Method::POST, "/api/orders/quote", None);
        Reply::of(request.json(&basket(items)).send().await.unwrap()).await
    }

    /// The order as it is once it has this status.
    pub(crate) async fn order_that_is(&self, who: &Customer, order: &Value, status: &str) -> Value {
        let path = format!("/api/orders/{}", order["id"].as_str().unwrap());
        let mut last = Value::Null;
        for _ in 0..400 {
            last = self.get(&path, who).await.body;
            if last["status"] == status {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the order never was {status}: {last}");
    }
}

pub(crate) fn basket(items: &[(ProductId, i64)]) -> Value {
    let items: Vec<Value> = items
        .iter()
        .map(|(id, quantity)| json!({"product_id": id, "quantity": quantity}))
        .collect();
    json!({ "items": items })
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Self { status, headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Status and code of a refusal.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }
}
