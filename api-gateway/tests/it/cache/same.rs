//! That nobody can tell whether an answer was kept.

use std::net::SocketAddr;
use std::sync::Arc;

use api_gateway::{RemoteUpstream, UpstreamService};
use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use platform_clock::SystemClock;
use platform_problem::{Problem, codes};
use platform_rpc::{Outgoing, Place};
use platform_runtime::extract::{IfNoneMatch, etag};
use platform_runtime::stack::Stack;
use tower::Layer;

use crate::wire::{exchange, http2, listen_to, serve};
use crate::world::{World, world};

async fn product(request: Request) -> Response {
    if request.uri().query() == Some("q=none") {
        return Problem::new(&codes::NOT_FOUND).into_response();
    }
    let padding = if request.uri().path().ends_with("/long") {
        3_000
    } else {
        0
    };
    let product = axum::Json(serde_json::json!({"name": "Camisole", "description": "x".repeat(padding)}));
    etag::conditional(&IfNoneMatch::of_headers(request.headers()), "\"1.a\"", || {
        product.into_response()
    })
}

fn turned(place: Place, service: UpstreamService) -> World {
    let world = world(|_| ());
    world.upstreams.product.turn(place, Arc::new(service));
    world
}

/// An answer as it goes over the wire, without the time.
async fn said(address: SocketAddr, method: &str, path: &str, header: Option<(&str, &str)>) -> String {
    let header = header
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .unwrap_or_default();
    let rest = "x-request-id: r7\r\nhost: shop\r\nconnection: close";
    let answer = exchange(address, &format!("{method} {path} HTTP/1.1\r\n{header}{rest}\r\n\r\n")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<&str> = head.lines().filter(|line| !line.starts_with("date:")).collect();
    lines.sort_unstable();
    format!("{lines:#?}\n{body}")
}

/// The same over HTTP/2.
async fn said_over_http2(address: SocketAddr, method: &str, path: &str, header: Option<(&str, &str)>) -> String {
    let mut request = Request::builder().method(method).uri(format!("http://shop{path}"));
    for (name, value) in header.into_iter().chain([("x-request-id", "r7")]) {
        request = request.header(name, value);
    }
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let mut connection = http2(address).await;
    let (head, body) = connection.send_request(request).await.unwrap().into_parts();
    let headers = head.headers.iter().filter(|(name, _)| *name != "date");
    let mut lines: Vec<String> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
    lines.sort_unstable();
    let body = body
        .collect()
        .await
        .unwrap_or_else(|error| panic!("{method} {path} {header:?} {lines:?}: {error}"))
        .to_bytes();
    format!("{} {lines:#?}\n{body:?}", head.status)
}

#[tokio::test]
async fn an_answer_is_the_same_byte_for_byte_from_here_from_there_and_from_memory() {
    let app = Router::new().fallback(product);
    let service = serve(Stack::inner(Arc::new(SystemClock)).layer(app.clone()));
    let target = format!("http://{service}").parse().unwrap();
    let here = listen_to(turned(Place::Local, UpstreamService::new(app)).gateway);
    let headers = [
        None,
        Some(("if-none-match", "\"1.a\"")),
        Some(("if-none-match", "W/\"1.a\"")),
        Some(("accept-encoding", "gzip")),
    ];
    for path in ["/api/products?q=short", "/api/products?q=long", "/api/products?q=none"] {
        for method in ["GET", "HEAD"] {
            for header in headers {
                let remote = RemoteUpstream::new("product", &target, &Outgoing::default());
                let there = listen_to(turned(Place::Remote, UpstreamService::new(remote)).gateway);
                let what = format!("{method} {path} {header:?}");
                let expected = said(here, method, path, header).await;
                let over_http2 = said_over_http2(here, method, path, header).await;
                for which in ["asked for", "from memory"] {
                    assert_eq!(said(there, method, path, header).await, expected, "{what} {which}");
                    let answer = said_over_http2(there, method, path, header).await;
                    assert_eq!(answer, over_http2, "{what} over HTTP/2");
                }
            }
        }
    }
}
