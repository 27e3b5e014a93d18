//! The service behind a listener of its own, on a clock that stands still.

use auth_client::AccountsKeys;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use auth_service::app::{App, NAME, info};
use auth_service::config::Config;
use platform_clock::{Clock, ManualClock};
use platform_events::{InProcessBus, revoke_on_events};
use platform_identity::{Audience, Keys, Revocations, Verifier};
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::listener::{Limits, Listener};
use platform_runtime::router::{Built, Guard};
use platform_runtime::server::Server as HttpServer;
use platform_runtime::settings::Settings;
use platform_runtime::stack::Stack;
use platform_sql::{Database, DatabaseConfig};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use tower::Layer;
use user_api::testing::InMemoryUsers;

/// SHA-256 of "order's secret", in the file of clients.
const CLIENTS: &str = r#"[{"id": "order-service", "audiences": ["product"],
    "secret_sha256": "f163e6dff6f3703725dc356246087cf87bf54a7ead06ec51668f3e69ff6645cd"}]"#;

pub(crate) struct Server {
    pub(crate) app: App,
    pub(crate) built: Built,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) users: Arc<InMemoryUsers>,
    pub(crate) revocations: Revocations,
    address: SocketAddr,
    client: reqwest::Client,
    lifecycle: Lifecycle,
    _dir: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.lifecycle.stop();
    }
}

impl Server {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let users = Arc::new(InMemoryUsers::default());
        let dir = tempfile::tempdir().unwrap();
        let clients = dir.path().join("clients.json");
        std::fs::write(&clients, CLIENTS).unwrap();
        let data = dir.path().join("data");
        let settings = Settings::from_map([
            ("DATA_DIR", data.to_str().unwrap()),
            ("SERVICE_CLIENTS_FILE", clients.to_str().unwrap()),
        ]);
        let (config, _) = settings.load::<Config>().unwrap();
        let database = DatabaseConfig::SqliteDir(data);
        let database = Database::open(&database, NAME, clock.clone()).await.unwrap();
        let app = App::build(&config, database, "test", users.clone(), clock.clone())
            .await
            .unwrap();

        let lifecycle = Lifecycle::new(Duration::ZERO);
        let bus = Arc::new(InProcessBus::new(clock.clone()));
        let revocations = Revocations::new();
        revoke_on_events(&*bus, &revocations).await.unwrap();
        app.start(bus, &lifecycle);
        let verifier = |audience| Arc::new(verifier(&app, audience, &revocations, &clock));
        let guard = Guard::new(verifier(Audience::People), verifier(Audience::Service(NAME)));
        let built = app.routes().build(info(), &guard).unwrap();

        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Limits::inner()).unwrap();
        let address = listener.local_addr();
        let mut server = HttpServer::new(lifecycle.clone());
        server.add(listener, Stack::new(clock.clone()).layer(built.router.clone()));
        tokio::spawn(server.run());
        Self {
            app,
            built,
            clock,
            users,
            revocations,
            address,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            lifecycle,
            _dir: dir,
        }
    }

    /// Somebody who verifies this service's tokens by its keys.
    pub(crate) fn verifier(&self, audience: Audience) -> Verifier {
        verifier(&self.app, audience, &self.revocations, &self.clock)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path).json(body).send().await.unwrap()
    }
}

fn verifier(app: &App, audience: Audience, revocations: &Revocations, clock: &Arc<ManualClock>) -> Verifier {
    let clock: Arc<dyn Clock> = clock.clone();
    let keys = Arc::new(Keys::new(Arc::new(AccountsKeys::new(app.accounts())), clock.clone()));
    Verifier::new("stoa", audience, keys, revocations.clone(), clock)
}

/// What is said of a refusal: its status and its code.
pub(crate) async fn problem(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body: Value = response.json().await.unwrap();
    (status, body["code"].as_str().unwrap().to_owned())
}
