//! The gateway in front of services that echo what reaches them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::net::SocketAddr;
use std::sync::Arc;

use api_gateway::{Gateway, GatewayParts, GatewaySettings, Service, UpstreamService, Upstreams};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use platform_clock::{Clock, ManualClock};
use platform_identity::testing::TestIssuer;
use platform_identity::{Audience, Role, VerifiedPrincipal};
use platform_rpc::{Place, Switch};
use platform_runtime::listener::PeerAddr;
use platform_runtime::router::Guard;
use serde_json::{Value, json};
use tower::ServiceExt;
use values::UserId;

/// A shop whose services tell what they were asked.
struct World {
    gateway: Router,
    issuer: Arc<TestIssuer>,
    clock: Arc<ManualClock>,
    upstreams: Arc<Upstreams>,
}

fn document() -> utoipa::openapi::OpenApi {
    let operation =
        |policy: Value, parameters: Value| json!({"responses": {}, "x-stoa": policy, "parameters": parameters});
    let key = json!([{"name": "Idempotency-Key", "in": "header", "required": true}]);
    let document = json!({
        "openapi": "3.1.0",
        "info": {"title": "test", "version": "1"},
        "paths": {
            "/api/products": {
                "get": operation(json!({"auth": "optional", "cache": "public"}), json!([])),
                "post": operation(json!({"auth": "required", "roles": ["admin"], "body_limit": 10}), json!([])),
            },
            "/api/products/{id}": {"get": operation(json!({"auth": "optional", "cache": "public"}), json!([]))},
            "/api/orders": {"post": operation(json!({"auth": "required"}), key)},
        },
    });
    serde_json::from_value(document).unwrap()
}

async fn echo(request: Request) -> Response {
    let principal = request
        .extensions()
        .get::<VerifiedPrincipal>()
        .map(|VerifiedPrincipal(found)| found.user_id());
    let headers: Vec<(String, String)> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let body = json!({
        "path": request.uri().path(),
        "headers": headers,
        "user": principal.flatten(),
        "padding": "x".repeat(2000),
    });
    let headers = [("etag", "\"1.a\""), ("server", "secret"), ("connection", "close")];
    (headers, axum::Json(body)).into_response()
}

fn world(settings: impl FnOnce(&mut GatewaySettings)) -> World {
    let clock = Arc::new(ManualClock::default());
    let issuer = TestIssuer::new(clock.clone());
    let service = || Arc::new(UpstreamService::new(Router::new().fallback(echo)));
    let upstream = || Switch::new(Place::Local, service());
    let upstreams = Arc::new(Upstreams {
        auth: upstream(),
        user: upstream(),
        product: upstream(),
        order: upstream(),
    });
    let mut chosen = GatewaySettings {
        cors_allowed_origins: vec![],
        trusted_proxy_hops: 0,
        rate_limits: false,
    };
    settings(&mut chosen);
    let guard = Guard::new(
        issuer.verifier(Audience::People),
        issuer.verifier(Audience::Service("none")),
    );
    let parts = GatewayParts {
        settings: chosen,
        documents: vec![(Service::Product, document())],
        upstreams: upstreams.clone(),
        guard,
        clock: clock.clone(),
        own: Router::new().fallback(async || StatusCode::NOT_FOUND),
    };
    World {
        gateway: Gateway::build(parts).unwrap().router,
        issuer,
        clock,
        upstreams,
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl World {
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "shop");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let peer: SocketAddr = "192.0.2.1:9".parse().unwrap();
        let request = request.extension(PeerAddr(peer)).body(Body::empty()).unwrap();
        let response = self.gateway.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 100_000).await.unwrap();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    fn token(&self, roles: &[Role]) -> String {
        format!(
            "Bearer {}",
            self.issuer.user_token(UserId::from(self.clock.new_id()), roles)
        )
    }
}

#[tokio::test]
async fn what_no_document_declares_does_not_exist() {
    let world = world(|_| ());
    assert_eq!(world.ask("GET", "/internal/stock", &[]).await.status, 404);
    assert_eq!(world.ask("GET", "/api/nothing", &[]).await.status, 404);
    let wrong_method = world.ask("DELETE", "/api/products", &[]).await;
    assert_eq!(
        (wrong_method.status, wrong_method.headers["allow"].to_str().unwrap()),
        (405, "GET,HEAD,POST")
    );
    assert_eq!(world.ask("HEAD", "/api/products", &[]).await.status, 200);
}

#[tokio::test]
async fn policy_is_enforced_before_a_service_is_asked() {
    let world = world(|_| ());
    let (customer, admin) = (world.token(&[]), world.token(&[Role::Admin]));
    assert_eq!(world.ask("POST", "/api/products", &[]).await.status, 401);
    assert_eq!(
        world
            .ask("POST", "/api/products", &[("authorization", &customer)])
            .await
            .status,
        403
    );
    assert_eq!(
        world
            .ask("POST", "/api/products", &[("authorization", &admin)])
            .await
            .status,
        200
    );
    assert_eq!(
        world
            .ask("GET", "/api/products", &[("authorization", "Bearer junk")])
            .await
            .status,
        401
    );
    let long = [("authorization", admin.as_str()), ("content-length", "11")];
    assert_eq!(world.ask("POST", "/api/products", &long).await.status, 413);
}

#[tokio::test]
async fn the_principal_goes_on_as_an_extension_and_forged_headers_do_not() {
    let world = world(|_| ());
    let forged = [
        ("x-user-id", "1"),
        ("x-stoa-principal", "admin"),
        ("x-forwarded-for", "1.2.3.4"),
        ("cookie", "a=b"),
    ];
    let answer = world.ask("GET", "/api/products", &forged).await;
    assert_eq!(answer.body["user"], Value::Null);
    let headers = answer.body["headers"].to_string();
    for name in ["x-user-id", "x-stoa-principal", "1.2.3.4", "cookie"] {
        assert!(!headers.contains(name), "{name} reached the service: {headers}");
    }
    let token = world.token(&[]);
    let answer = world.ask("GET", "/api/products", &[("authorization", &token)]).await;
    assert!(answer.body["user"].is_string());
}

#[tokio::test]
async fn a_required_key_is_asked_for_at_the_door() {
    let world = world(|_| ());
    let token = world.token(&[]);
    let without = world.ask("POST", "/api/orders", &[("authorization", &token)]).await;
    assert_eq!(without.body["code"], "idempotency_key_required");
    let with = [("authorization", token.as_str()), ("idempotency-key", "k")];
    assert_eq!(world.ask("POST", "/api/orders", &with).await.status, 200);
}

#[tokio::test]
async fn answers_lose_what_is_internal_and_gain_what_protects() {
    let world = world(|_| ());
    for path in ["/api/products", "/api/nothing", "/api//x"] {
        let headers = world.ask("GET", path, &[]).await.headers;
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert!(
            !headers.contains_key("server") && !headers.contains_key("connection"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_compressed_answer_has_a_weak_tag() {
    let world = world(|_| ());
    let plain = world.ask("GET", "/api/products", &[]).await.headers;
    assert_eq!(plain[header::ETAG], "\"1.a\"");
    let compressed = world
        .ask("GET", "/api/products", &[("accept-encoding", "gzip")])
        .await
        .headers;
    assert_eq!(compressed[header::CONTENT_ENCODING], "gzip");
    assert_eq!(compressed[header::ETAG], "W/\"1.a\"");
    assert!(
        compressed[header::VARY]
            .to_str()
            .unwrap()
            .eq_ignore_ascii_case("accept-encoding")
    );
}

#[tokio::test]
async fn pages_of_other_origins_are_refused_unless_allowed() {
    let closed = world(|_| ());
    let origin = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "POST"),
    ];
    let answer = closed.ask("OPTIONS", "/api/orders", &origin).await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
    let open = world(|s| s.cors_allowed_origins = vec![HeaderValue::from_static("https://shop.example")]);
    let answer = open.ask("OPTIONS", "/api/orders", &origin).await;
    assert_eq!(answer.headers["access-control-allow-origin"], "https://shop.example");
    let other = open
        .ask("GET", "/api/products", &[("origin", "https://evil.example")])
        .await;
    assert!(!other.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_flood_from_one_address_is_stopped_before_its_tokens_are_looked_at() {
    let world = world(|s| s.rate_limits = true);
    let first = world.ask("GET", "/api/products", &[]).await;
    assert_eq!(first.headers["ratelimit"], "\"address\";r=199;t=1");
    for _ in 1..200 {
        world.ask("GET", "/api/products", &[]).await;
    }
    let stopped = world
        .ask("GET", "/api/products", &[("authorization", "Bearer junk")])
        .await;
    assert_eq!(
        (stopped.status, stopped.body["code"].as_str()),
        (429, Some("rate_limited"))
    );
    assert!(stopped.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn a_frozen_service_answers_reads_alone() {
    let world = world(|_| ());
    let product = world.upstreams.product.for_reading();
    world.upstreams.product.turn(Place::Frozen, product);
    let admin = world.token(&[Role::Admin]);
    assert_eq!(world.ask("GET", "/api/products", &[]).await.status, 200);
    assert_eq!(
        world
            .ask("POST", "/api/products", &[("authorization", &admin)])
            .await
            .status,
        503
    );
}
