//! A gateway, and behind it services that tell what they were asked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api_gateway::{Front, Gateway, GatewayParts, GatewaySettings, Service, UpstreamService, Upstreams};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use platform_clock::{Clock, ManualClock};
use platform_identity::testing::TestIssuer;
use platform_identity::{Audience, Role, VerifiedPrincipal};
use platform_rpc::{Place, Switch};
use platform_runtime::extract::{IfNoneMatch, body_refusal, etag};
use platform_runtime::health::Health;
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::listener::PeerAddr;
use platform_runtime::router::Guard;
use platform_runtime::{Info, docs};
use serde_json::{Value, json};
use tower::{Service as _, ServiceExt};
use values::UserId;

/// A shop whose services tell what they were asked.
pub(crate) struct World {
    pub(crate) gateway: Front,
    pub(crate) whole: Gateway,
    pub(crate) issuer: Arc<TestIssuer>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) upstreams: Arc<Upstreams>,
}

fn document() -> utoipa::openapi::OpenApi {
    let operation = |policy: Value| json!({"responses": {}, "x-stoa": policy});
    let mut order = operation(json!({"auth": "required", "retry": "idempotent"}));
    order["parameters"] = json!([{"name": "Idempotency-Key", "in": "header", "required": true}]);
    let document = json!({
        "openapi": "3.1.0",
        "info": {"title": "test", "version": "1"},
        "paths": {
            "/api/products": {
                "get": operation(json!({"auth": "optional", "cache": "public"})),
                "post": operation(json!({"auth": "required", "roles": ["admin"], "body_limit": 10})),
            },
            "/api/products/import": {"post": operation(json!({"auth": "required", "roles": ["admin"]}))},
            "/api/products/{id}": {
                "get": operation(json!({"auth": "optional", "cache": "public"})),
                "put": operation(json!({"auth": "required", "roles": ["admin"]})),
            },
            "/api/orders": {"get": operation(json!({"auth": "required"})), "post": order},
            "/api/auth/login": {"post": operation(json!({"auth": "none", "body_limit": 10}))},
            "/api/slow": {"get": operation(json!({"auth": "none", "timeout_ms": 40}))},
            "/api/panic": {"get": operation(json!({"auth": "none"}))},
        },
    });
    serde_json::from_value(document).unwrap()
}

/// Tells what reached it, as JSON of more than a kilobyte under the tag `"1.a"`.
pub(crate) async fn echo(request: Request) -> Response {
    match request.uri().path() {
        "/api/slow" => std::future::pending().await,
        "/api/panic" => panic!("the secret is 42"),
        _ => {}
    }
    let (parts, body) = request.into_parts();
    let body = match to_bytes(body, usize::MAX).await {
        Ok(body) => body,
        Err(error) => return body_refusal(&error).into_response(),
    };
    let principal = parts.extensions.get::<VerifiedPrincipal>();
    let user = principal.and_then(|VerifiedPrincipal(found)| found.user_id());
    let headers = parts.headers.iter();
    let headers: Vec<(&str, &str)> = headers
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    let told = json!({
        "path": parts.uri.path(),
        "headers": headers,
        "user": user,
        "body": String::from_utf8_lossy(&body),
        "padding": "x".repeat(2000),
    });
    let mut response = etag::conditional(&IfNoneMatch::of_headers(&parts.headers), "\"1.a\"", || {
        axum::Json(told).into_response()
    });
    for (name, value) in [("server", "secret"), ("connection", "close")] {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// A shop with these settings.
pub(crate) fn world(settings: impl FnOnce(&mut GatewaySettings)) -> World {
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
    let health = Health::new(Lifecycle::new(Duration::ZERO)).routes();
    let own = health.build(Info::new("test", "1"), &Guard::default()).unwrap();
    let parts = GatewayParts {
        settings: chosen,
        documents: vec![(Service::Product, document())],
        upstreams: upstreams.clone(),
        guard,
        clock: clock.clone(),
        own: docs::add(own.public.router, &document(), &[]).unwrap(),
    };
    let gateway = Gateway::build(parts).unwrap();
    World {
        gateway: gateway.router.clone(),
        whole: gateway,
        issuer,
        clock,
        upstreams,
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// A header as text; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The value of a header as it reached the service.
    pub(crate) fn reached(&self, name: &str) -> Option<&str> {
        let headers = self.body["headers"].as_array().unwrap().iter();
        let mut pairs = headers.map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()));
        pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
    }
}

impl World {
    /// Asks without a body.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(method, path, headers, Body::empty()).await
    }

    /// Asks as a client at 192.0.2.1 does.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "shop");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let peer: SocketAddr = "192.0.2.1:9".parse().unwrap();
        let request = request.extension(PeerAddr(peer)).body(body).unwrap();
        let response = self.gateway.clone().ready().await.unwrap().call(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 100_000).await.unwrap();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    /// The value of `Authorization` for somebody with these roles.
    pub(crate) fn token(&self, roles: &[Role]) -> String {
        let user = UserId::from(self.clock.new_id());
        format!("Bearer {}", self.issuer.user_token(user, roles))
    }
}
