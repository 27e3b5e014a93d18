//! The gateway behind a listener and the layers of every process, and a client that speaks bytes.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use api_gateway::Front;
use bytes::Bytes;
use http::{HeaderName, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use platform_clock::SystemClock;
use platform_identity::Role;
use platform_rpc::Place;
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::listener::{Limits, Listener};
use platform_runtime::server::{App, Server};
use platform_runtime::settings::Settings;
use platform_runtime::stack::Stack;
use platform_runtime::telemetry::{Telemetry, TelemetryConfig};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower::Layer;

use crate::world::world;

/// The telemetry of this process. Handles of metrics are kept, so it must be there before the first request.
static TELEMETRY: LazyLock<Telemetry> = LazyLock::new(|| {
    let (config, _) = Settings::from_map([("RUST_LOG", "off")])
        .load::<TelemetryConfig>()
        .unwrap();
    Telemetry::start(&config, "gateway-test").unwrap()
});

/// A listening gateway.
fn listen() -> SocketAddr {
    LazyLock::force(&TELEMETRY);
    listen_to(world(|_| ()).gateway)
}

/// Lets a gateway listen.
pub(crate) fn listen_to(gateway: Front) -> SocketAddr {
    serve(Stack::new(Arc::new(SystemClock)).layer(gateway))
}

/// Lets an app listen.
pub(crate) fn serve(app: impl App) -> SocketAddr {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Limits::public(true)).unwrap();
    let address = listener.local_addr();
    let mut server = Server::new(Lifecycle::new(Duration::ZERO));
    server.add(listener, app);
    tokio::spawn(server.run());
    address
}

/// Writes bytes and reads until the other end closes.
pub(crate) async fn exchange(address: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(10), reading).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// A connection of HTTP/2.
pub(crate) async fn http2(address: SocketAddr) -> SendRequest<Empty<Bytes>> {
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn request(address: SocketAddr, head: &str, body: &str) -> String {
    exchange(
        address,
        &format!("{head}\r\nHost: shop\r\nConnection: close\r\n\r\n{body}"),
    )
    .await
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    head.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn every_refusal_is_a_problem_that_names_the_request() {
    let address = listen();
    let table = [
        ("GET /api//x HTTP/1.1", "", 400, "bad_request"),
        ("GET /api/orders HTTP/1.1", "", 401, "unauthenticated"),
        ("GET /nothing HTTP/1.1", "", 404, "not_found"),
        ("PATCH /api/products HTTP/1.1", "", 405, "method_not_allowed"),
        ("BREW /api/products HTTP/1.1", "", 405, "method_not_allowed"),
        (
            "POST /api/auth/login HTTP/1.1\r\nContent-Length: 11",
            "",
            413,
            "payload_too_large",
        ),
        (
            "POST /api/auth/login HTTP/1.1\r\nTransfer-Encoding: chunked",
            "b\r\n12345678901\r\n0\r\n\r\n",
            413,
            "payload_too_large",
        ),
        (
            "POST /api/auth/login HTTP/1.1\r\nTransfer-Encoding: gzip, chunked",
            "0\r\n\r\n",
            400,
            "bad_request",
        ),
        ("GET /api/panic HTTP/1.1", "", 500, "internal"),
        ("GET /api/slow HTTP/1.1", "", 504, "gateway_timeout"),
    ];
    for (head, body, status, code) in table {
        let answer = request(address, &format!("{head}\r\nX-Request-Id: r7"), body).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{head}: {answer}");
        assert_eq!(
            header(&answer, "content-type"),
            Some("application/problem+json"),
            "{head}"
        );
        assert_eq!(header(&answer, "x-request-id"), Some("r7"), "{head}");
        assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"), "{head}");
        let problem: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(
            (problem["code"].as_str(), problem["request_id"].as_str()),
            (Some(code), Some("r7")),
            "{head}"
        );
    }
}

#[tokio::test]
async fn a_broken_chunk_is_the_clients_fault_and_ends_the_connection() {
    let address = listen();
    let head = "POST /api/auth/login HTTP/1.1\r\nTransfer-Encoding: chunked";
    let answer = request(address, head, "zz\r\nnot a chunk\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
}

#[tokio::test]
async fn no_request_hides_in_the_body_of_another() {
    let address = listen();
    let both = "POST /api/auth/login HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked";
    let hidden = "0\r\n\r\nGET /api/products HTTP/1.1\r\nHost: shop\r\n\r\n";
    let answer = request(address, both, hidden).await;
    assert!(answer.matches("HTTP/1.1").count() <= 1, "{answer}");
    let twice = "POST /api/auth/login HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5";
    assert!(request(address, twice, "12345").await.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn http2_is_held_to_the_same_rules() {
    let address = listen();
    let mut sender = http2(address).await;
    let mut ask = async |path: &str, name: &'static str| {
        let request = http::Request::get(format!("http://shop{path}")).header(HeaderName::from_static(name), "1");
        let response = sender.send_request(request.body(Empty::new()).unwrap()).await.unwrap();
        let status = response.status();
        response.into_body().collect().await.unwrap();
        status
    };
    assert_eq!(ask("/api/products", "x-user-id").await, StatusCode::OK);
    assert_eq!(ask("/api/%2e%2e/products", "x-a").await, StatusCode::BAD_REQUEST);
    assert_eq!(ask("/api/products", "x_user").await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn requests_are_counted_by_the_template_of_their_route_refused_ones_too() {
    let address = listen();
    request(address, "GET /api/products/1 HTTP/1.1", "").await;
    request(address, "GET /api/products/2 HTTP/1.1", "").await;
    request(address, "POST /api/orders HTTP/1.1", "").await;
    let text = TELEMETRY.metrics().render();
    let count = |labels: [&str; 3]| {
        let is_it =
            |line: &&str| line.starts_with("http_requests_total") && labels.iter().all(|label| line.contains(label));
        let line = text.lines().find(is_it);
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u32>().ok())
    };
    assert_eq!(count(["\"/api/products/{id}\"", "GET", "2xx"]), Some(2), "{text}");
    assert_eq!(count(["\"/api/orders\"", "POST", "4xx"]), Some(1), "{text}");
}

#[tokio::test]
async fn what_becomes_of_public_answers_is_counted() {
    LazyLock::force(&TELEMETRY);
    let world = world(|_| ());
    let service = world.upstreams.product.for_reading();
    world.upstreams.product.turn(Place::Remote, service);
    // Other tests count, too.
    let counts = || {
        let text = TELEMETRY.metrics().render();
        ["total{outcome=\"miss\"}", "total{outcome=\"hit\"}", "purges_total"].map(|name| {
            let mut lines = text.lines();
            let line = lines.find_map(|line| line.strip_prefix(&format!("gateway_cache_{name} ")));
            line.map_or(0, |count| count.parse::<u64>().unwrap())
        })
    };
    let before = counts();
    let admin = world.token(&[Role::Admin]);
    world.ask("GET", "/api/products", &[]).await;
    world.ask("GET", "/api/products", &[]).await;
    world.ask("POST", "/api/products", &[("authorization", &admin)]).await;
    let after = counts();
    assert!(
        before.iter().zip(after).all(|(before, after)| after > *before),
        "{before:?} {after:?}"
    );
}
