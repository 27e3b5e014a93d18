//! The layers in front of a router, and what they log.

use std::io;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::Request;
use platform_clock::SystemClock;
use platform_runtime::listener::Limits;
use platform_runtime::stack::Stack;
use serde_json::Value;
use tower::{Layer, ServiceExt};
use tracing_subscriber::layer::SubscriberExt;

use crate::wire::{read_answer, start, start_behind, write};

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn body(answer: &str) -> Value {
    assert_eq!(
        header(answer, "content-type"),
        Some("application/problem+json"),
        "{answer}"
    );
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn every_answer_names_the_request_and_every_refusal_in_its_body_too() {
    let process = start(Limits::public(true), Duration::ZERO);
    let given = process.send("GET /hello HTTP/1.1\r\nX-Request-Id: mine-1").await;
    assert_eq!(header(&given, "x-request-id"), Some("mine-1"));
    let made = process.send("GET /hello HTTP/1.1\r\nX-Request-Id: not sane").await;
    assert_eq!(header(&made, "x-request-id").map(str::len), Some(36));

    let table = [
        ("GET /nowhere HTTP/1.1", 404, "not_found"),
        ("DELETE /hello HTTP/1.1", 405, "method_not_allowed"),
        ("GET /panic HTTP/1.1", 500, "internal"),
        ("GET /bare HTTP/1.1", 413, "payload_too_large"),
    ];
    for (head, status, code) in table {
        let answer = process.send(&format!("{head}\r\nX-Request-Id: r7")).await;
        let problem = body(&answer);
        assert_eq!(
            (&problem["code"], &problem["request_id"]),
            (&code.into(), &"r7".into()),
            "{answer}"
        );
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")) && problem["status"] == status,
            "{answer}"
        );
        assert_eq!(header(&answer, "x-request-id"), Some("r7"));
        assert!(!answer.contains("forty-two"), "{answer}");
    }
    let refused = process.send("DELETE /hello HTTP/1.1").await;
    assert_eq!(header(&refused, "allow"), Some("GET,HEAD"));
}

#[tokio::test]
async fn a_refused_head_has_the_length_of_the_refusal_and_no_body() {
    let app = Stack::new(Arc::new(SystemClock)).layer(Router::new());
    let ask = async |method: &str| {
        let request = Request::builder()
            .method(method)
            .uri("/nowhere")
            .header("x-request-id", "r7");
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let length = head
            .headers
            .get("content-length")
            .map(|length| length.to_str().unwrap().to_owned());
        (head.status.as_u16(), length, to_bytes(body, 10_000).await.unwrap())
    };
    let (_, _, refusal) = ask("GET").await;
    let expected = (404, Some(refusal.len().to_string()), Bytes::new());
    assert_eq!(ask("HEAD").await, expected);
}

#[tokio::test]
async fn the_time_a_caller_has_left_ends_its_request_if_the_caller_is_one_of_ours() {
    let stack = Stack::inner(Arc::new(SystemClock));
    let inner = start_behind(&stack, Limits::inner(), Duration::ZERO);
    for header in ["x-request-timeout-ms: 0", "grpc-timeout: 0m"] {
        let answer = inner.send(&format!("GET /gate HTTP/1.1\r\n{header}")).await;
        assert_eq!(body(&answer)["code"], "gateway_timeout", "{answer}");
    }

    let mut public = start(Limits::public(true), Duration::ZERO);
    public.go_on.notify_one();
    let answer = public.send("GET /gate HTTP/1.1\r\nx-request-timeout-ms: 0").await;
    public.began.recv().await.unwrap();
    assert!(answer.ends_with("through"), "a client cannot say so: {answer}");
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log of all tests of this binary; each finds its own lines by the ids of its requests. One for all, because a callsite
/// that meets its first subscriber on one thread while another thread's comes or goes may stay silent.
fn log() -> &'static Lines {
    static LOG: OnceLock<Lines> = OnceLock::new();
    LOG.get_or_init(|| {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = tracing_subscriber::fmt::layer()
            .json()
            .with_writer(move || writer.clone());
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
        lines
    })
}

impl Lines {
    /// Waits for the line of a request with this id.
    async fn of(&self, request_id: &str) -> Value {
        let finding = self.find(request_id);
        tokio::time::timeout(Duration::from_secs(10), finding).await.unwrap()
    }

    async fn find(&self, request_id: &str) -> Value {
        loop {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            let found = lines
                .map(|line| line["fields"].clone())
                .find(|fields| fields["request_id"] == request_id);
            if let Some(fields) = found {
                return fields;
            }
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn each_request_is_one_line_without_its_query() {
    let lines = log();
    let process = start(Limits::public(true), Duration::ZERO);
    process
        .send("GET /nowhere?q=private HTTP/1.1\r\nX-Request-Id: a1")
        .await;
    let line = lines.of("a1").await;
    assert_eq!(
        (&line["method"], &line["path"], &line["status"]),
        (&"GET".into(), &"/nowhere".into(), &404.into())
    );
    process.send("GET /hello HTTP/1.1\r\nX-Request-Id: a2").await;
    assert_eq!(lines.of("a2").await["route"], "/hello");
}

#[tokio::test]
async fn a_client_that_went_away_is_logged_as_499() {
    let lines = log();
    let mut process = start(Limits::public(true), Duration::ZERO);
    let mut stream = process.connect().await;
    write(
        &mut stream,
        "GET /gate HTTP/1.1\r\nHost: t\r\nX-Request-Id: gone-1\r\n\r\n",
    )
    .await;
    process.began.recv().await.unwrap();
    drop(stream);
    let line = lines.of("gone-1").await;
    assert_eq!((&line["status"], &line["route"]), (&499.into(), &"/gate".into()));
}

#[tokio::test]
async fn a_client_that_sends_more_than_is_wanted_gets_its_answer_and_may_ask_again() {
    let process = start(Limits::public(true), Duration::ZERO);
    let mut stream = process.connect().await;
    write(
        &mut stream,
        "POST /hello HTTP/1.1\r\nHost: t\r\nContent-Length: 400000\r\n\r\n",
    )
    .await;
    let refused = read_answer(&mut stream).await;
    assert!(refused.starts_with("HTTP/1.1 405"), "{refused}");
    write(&mut stream, &"x".repeat(400_000)).await;
    write(&mut stream, "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n").await;
    let answered = read_answer(&mut stream).await;
    assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
}
