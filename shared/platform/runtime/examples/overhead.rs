//! What the runtime adds to a request, measured in one thread without a network:
//!
//! ```sh
//! cargo run --release -p platform-runtime --example overhead
//! ```

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::routing::get;
use http::{Request, header};
use platform_clock::SystemClock;
use platform_identity::testing::TestIssuer;
use platform_identity::{Audience, Role, VerifiedPrincipal};
use platform_runtime::router::{ApiRouter, Guard};
use platform_runtime::server::App;
use platform_runtime::settings::Settings;
use platform_runtime::stack::Stack;
use platform_runtime::telemetry::{Telemetry, TelemetryConfig};
use platform_runtime::{Info, policy, routes};
use tower::Layer;
use values::UserId;

const ROUNDS: u32 = 300_000;

#[utoipa::path(get, path = "/open", responses((status = 200)), extensions(("x-stoa" = json!(policy::public()))))]
async fn open() -> &'static str {
    "hello"
}

#[utoipa::path(get, path = "/closed", responses((status = 200)), extensions(("x-stoa" = json!(policy::signed_in()))))]
async fn closed() -> &'static str {
    "hello"
}

async fn measure(name: &str, mut app: impl App, request: impl Fn() -> Request<Body>) {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        for _ in 0..ROUNDS / 5 {
            let Ok(response) = app.call(request()).await;
            assert!(response.status().is_success(), "{name} gave {}", response.status());
        }
        best = best.min(began.elapsed());
    }
    let nanos = best.as_nanos() / u128::from(ROUNDS / 5);
    let _ = writeln!(std::io::stdout(), "{name:45} {nanos:6} ns");
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "the bare router is what we compare with")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = TestIssuer::new(Arc::new(SystemClock));
    let people = issuer.verifier(Audience::People);
    let token = issuer.user_token(UserId::from(uuid::Uuid::from_u128(7)), &[Role::Customer]);
    let principal = people.verify(&token).await?;
    let guard = Guard::new(people, issuer.verifier(Audience::Service("overhead")));
    let built = ApiRouter::<()>::new()
        .routes(routes!(open))
        .routes(routes!(closed))
        .build(Info::new("x", "1"), &guard)?;
    let ask = |path: &'static str| move || Request::get(path).body(Body::empty()).expect("a good request");
    let with_token = || {
        let bearer = format!("Bearer {token}");
        Request::get("/closed")
            .header(header::AUTHORIZATION, bearer)
            .body(Body::empty())
            .expect("a good request")
    };
    let with_principal = || {
        let mut request = ask("/closed")();
        request.extensions_mut().insert(VerifiedPrincipal(principal.clone()));
        request
    };

    let bare = axum::Router::new().route("/open", get(open));
    measure("axum alone", bare.clone(), ask("/open")).await;
    measure("with a policy", built.router.clone(), ask("/open")).await;
    measure("with a principal of the gateway", built.router.clone(), with_principal).await;
    measure("with a remembered token", built.router.clone(), with_token).await;
    let stack = Stack::new(Arc::new(SystemClock));
    measure(
        "layers and policy, no log",
        stack.layer(built.router.clone()),
        ask("/open"),
    )
    .await;
    let (config, _) = Settings::from_map([("LOG_FORMAT", "json"), ("RUST_LOG", "warn")]).load::<TelemetryConfig>()?;
    let filter_off = config.clone();
    let (config, _) = Settings::from_map([("LOG_FORMAT", "json")]).load::<TelemetryConfig>()?;
    let is_logging = std::env::args().nth(1).as_deref() == Some("--log");
    let telemetry = Telemetry::start(if is_logging { &config } else { &filter_off }, "overhead")?;
    let name = if is_logging {
        "layers, policy, metrics and access log"
    } else {
        "layers, policy and metrics"
    };
    measure(name, stack.layer(built.router), ask("/open")).await;
    telemetry.shutdown().await;
    Ok(())
}
