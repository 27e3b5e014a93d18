//! What a hostile or careless client cannot do to a listener.

use std::time::{Duration, Instant};

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use platform_runtime::listener::Limits;

use crate::wire::{read_all, read_answer, start, write};

fn short() -> Limits {
    let limit = Duration::from_millis(100);
    Limits {
        first_bytes: limit,
        head: limit,
        idle_h2: limit,
        ..Limits::public(true)
    }
}

const GET: &str = "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n";

#[tokio::test]
async fn a_client_that_says_nothing_or_stops_halfway_is_cut_off() {
    let process = start(short(), Duration::ZERO);
    for beginning in [
        "",
        "P",
        "PRI * HTTP/2.0\r\n\r\nSM",
        "GET /hello HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: t\r\nX: ",
    ] {
        let mut stream = process.connect().await;
        write(&mut stream, beginning).await;
        let began = Instant::now();
        let answer = read_all(&mut stream).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{beginning:?}");
        assert!(!answer.contains("200 OK"), "{beginning:?} gave {answer}");
    }
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another_and_ends_when_it_idles() {
    let process = start(short(), Duration::ZERO);
    let mut stream = process.connect().await;
    for _ in 0..3 {
        write(&mut stream, GET).await;
        assert!(read_answer(&mut stream).await.ends_with("hello"));
    }
    assert_eq!(read_all(&mut stream).await, "");
}

#[tokio::test]
async fn heads_with_too_many_or_too_large_headers_are_refused() {
    let process = start(Limits::public(true), Duration::ZERO);
    let many = |count: usize| "\r\nx-n: 1".repeat(count);
    assert!(
        process
            .send(&format!("GET /hello HTTP/1.1{}", many(62)))
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert!(
        process
            .send(&format!("GET /hello HTTP/1.1{}", many(63)))
            .await
            .starts_with("HTTP/1.1 431")
    );
    let large = format!("GET /hello HTTP/1.1\r\nx-large: {}", "x".repeat(33 * 1024));
    assert!(process.send(&large).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn a_peer_with_its_share_of_connections_gets_no_more() {
    let process = start(
        Limits {
            connections_per_peer: Some(2),
            ..Limits::public(true)
        },
        Duration::ZERO,
    );
    let (mut first, mut second) = (process.connect().await, process.connect().await);
    for stream in [&mut first, &mut second] {
        write(stream, GET).await;
        read_answer(stream).await;
    }
    let mut third = process.connect().await;
    assert_eq!(read_all(&mut third).await, "");
    drop(first);
    while !process.send("GET /hello HTTP/1.1").await.contains("hello") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn http2_without_tls_is_spoken_on_the_same_port_and_ends_when_idle() {
    let process = start(short(), Duration::ZERO);
    let io = TokioIo::new(process.connect().await);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let request = || {
        Request::get(format!("http://{}/hello", process.address))
            .body(Body::empty())
            .unwrap()
    };
    for _ in 0..3 {
        let response = sender.send_request(request()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
    }
    let ended = tokio::time::timeout(Duration::from_secs(5), connection).await;
    assert!(ended.is_ok(), "the idle connection stayed open");
}

#[tokio::test]
async fn an_old_connection_is_asked_to_go() {
    let process = start(
        Limits {
            max_age: Duration::from_millis(50),
            ..Limits::public(true)
        },
        Duration::ZERO,
    );
    let mut stream = process.connect().await;
    write(&mut stream, GET).await;
    assert!(read_answer(&mut stream).await.ends_with("hello"));
    assert_eq!(read_all(&mut stream).await, "");
}
