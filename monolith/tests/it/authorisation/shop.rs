//! A shop in this process, with a customer and an admin whose tokens are real ones.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api_gateway::{Front, Service};
use axum::body::{Body, to_bytes};
use http::{Method, Request, header};
use monolith::config::Config;
use monolith::serve::{gateway, upstreams};
use monolith::shop::Shop;
use platform_clock::{Clock, SystemClock};
use platform_events::InProcessBus;
use platform_runtime::health::Health;
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::listener::PeerAddr;
use platform_runtime::router::Built;
use platform_runtime::settings::Settings;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use utoipa::openapi::OpenApi;

use super::Caller;

const ADMIN: [&str; 2] = ["admin@shop.example", "correct horse battery staple"];
const CUSTOMER: [&str; 2] = ["customer@shop.example", "another horse battery staple"];

/// The services behind their own routers, and the gateway before them.
pub(super) struct TestShop {
    services: Vec<(Service, Built)>,
    gateway: Front,
    customer: String,
    admin: String,
    _data: TempDir,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    body: Value,
}

impl Answer {
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(super) fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }
}

impl TestShop {
    pub(super) async fn open() -> Self {
        let data = tempfile::tempdir().unwrap();
        let settings = Settings::from_map([
            ("DATA_DIR", data.path().to_str().unwrap()),
            ("BOOTSTRAP_ADMIN_EMAIL", ADMIN[0]),
            ("BOOTSTRAP_ADMIN_PASSWORD", ADMIN[1]),
            ("RATE_LIMITS", "off"),
        ]);
        let (config, _) = settings.load::<Config>().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let lifecycle = Lifecycle::new(Duration::ZERO);
        let shop = Shop::open(&config, clock.clone()).await.unwrap();
        let (auth, users) = (shop.auth.as_ref().unwrap(), shop.users.as_ref().unwrap());
        let (products, orders) = (shop.products.as_ref().unwrap(), shop.orders.as_ref().unwrap());
        auth.service().bootstrap(config.auth.first_admin(false)).await.unwrap();
        let bus = Arc::new(InProcessBus::new(clock.clone()));
        shop.start(bus, &lifecycle).await.unwrap();

        let guard = |name| shop.trust.guard(name);
        let auth = auth
            .routes()
            .build(auth_service::app::info(), &guard(auth_service::app::NAME));
        let users = users
            .routes()
            .build(user_service::app::info(), &guard(user_service::app::NAME));
        let products = products
            .routes()
            .build(product_service::App::info(), &guard(product_service::NAME));
        let orders = orders
            .routes()
            .build(order_service::app::info(), &guard(order_service::app::NAME));
        let services = vec![
            (Service::Auth, auth.unwrap()),
            (Service::User, users.unwrap()),
            (Service::Product, products.unwrap()),
            (Service::Order, orders.unwrap()),
        ];
        let mut opened = Self {
            services,
            gateway: gateway(
                &config,
                &shop,
                Arc::new(upstreams(&config, &shop).unwrap()),
                shop.checks(Health::new(lifecycle.clone())),
                clock,
            )
            .unwrap()
            .router,
            customer: String::new(),
            admin: String::new(),
            _data: data,
        };
        opened.admin = opened.signed_in("/api/auth/login", ADMIN).await;
        opened.customer = opened.signed_in("/api/auth/register", CUSTOMER).await;
        opened
    }

    async fn signed_in(&self, path: &str, [email, password]: [&str; 2]) -> String {
        let mut body = json!({"email": email, "password": password});
        if path.ends_with("register") {
            body["name"] = json!("Somebody");
        }
        let answer = ask(self.gateway.clone(), &Method::POST, path, None, body.to_string()).await;
        let token = answer.body["access_token"].as_str();
        format!("Bearer {}", token.unwrap_or_else(|| panic!("no token: {answer:?}")))
    }

    /// What this caller writes into `Authorization`.
    pub(super) fn token(&self, caller: Caller) -> Option<&str> {
        match caller {
            Caller::Nobody => None,
            Caller::Forger => Some("Bearer eyJhbGciOiJub25lIn0.eyJyb2xlcyI6WyJhZG1pbiJdfQ."),
            Caller::Customer => Some(&self.customer),
            Caller::Admin => Some(&self.admin),
        }
    }

    /// Asks a service as if it had a listener of its own.
    pub(super) async fn ask_service(
        &self,
        service: Service,
        method: &Method,
        path: &str,
        token: Option<&str>,
    ) -> Answer {
        let (_, built) = self.services.iter().find(|(found, _)| *found == service).unwrap();
        ask(built.router.clone(), method, path, token, "{}".to_owned()).await
    }

    /// Asks through the front door.
    pub(super) async fn ask_gateway(&self, method: &Method, path: &str, token: Option<&str>) -> Answer {
        ask(self.gateway.clone(), method, path, token, "{}".to_owned()).await
    }

    /// What processes tell each other.
    pub(super) fn internal_documents(&self) -> impl Iterator<Item = (Service, &OpenApi)> {
        self.services
            .iter()
            .map(|(service, built)| (*service, &built.internal.openapi))
    }
}

/// Asks with all that a good request has, and with claims that nobody may believe.
async fn ask(
    app: impl platform_runtime::server::App,
    method: &Method,
    path: &str,
    token: Option<&str>,
    body: String,
) -> Answer {
    let has_body = !matches!(*method, Method::GET | Method::HEAD);
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "shop.example")
        .header("idempotency-key", "k1")
        .header("x-user-id", "01890a5d-ac96-774b-bcce-b302099a8057")
        .header("x-stoa-principal", "admin")
        .header("x-roles", "admin");
    if has_body {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, token);
    }
    let peer: SocketAddr = "192.0.2.1:9".parse().unwrap();
    let body = if has_body { Body::from(body) } else { Body::empty() };
    let request = request.extension(PeerAddr(peer)).body(body).unwrap();
    let response = app.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), 1024 * 1024).await.unwrap();
    Answer {
        status,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    }
}
