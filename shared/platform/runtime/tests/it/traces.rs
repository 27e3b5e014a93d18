//! Spans reach a collector, with the ids that callers and logs know.

use std::process::{Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Uri, header};
use http_body::Frame;
use http_body_util::StreamBody;
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::listener::{Limits, Listener};
use platform_runtime::server::Server;
use tokio::sync::mpsc;

use crate::command::{greeter, listening};
use crate::wire::{read_all, write};

/// Takes whatever call and answers it as gRPC's empty success.
fn collector(calls: mpsc::UnboundedSender<(Uri, Bytes)>) -> std::net::SocketAddr {
    let app = Router::new().fallback(async move |uri: Uri, body: Bytes| {
        calls.send((uri, body)).unwrap();
        let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))]);
        let frames = [
            Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(&[0; 5]))),
            Ok(Frame::trailers(trailers)),
        ];
        let mut response = Response::new(Body::new(StreamBody::new(futures::stream::iter(frames))));
        let grpc = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert(header::CONTENT_TYPE, grpc);
        response
    });
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Limits::inner()).unwrap();
    let address = listener.local_addr();
    Server::new(Lifecycle::new(Duration::ZERO)).add(listener, app);
    address
}

#[tokio::test]
async fn the_span_of_a_request_is_exported_as_a_child_of_its_callers() {
    let (sender, mut calls) = mpsc::unbounded_channel();
    let endpoint = format!("http://{}", collector(sender));
    let mut process = greeter();
    process
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .stderr(Stdio::piped());
    let mut child = process.spawn().unwrap();
    let (mut log, public, _) = listening(&mut child);

    let mut stream = tokio::net::TcpStream::connect(public).await.unwrap();
    let trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    write(
        &mut stream,
        &format!("GET /hello/you HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{trace}\r\n\r\n"),
    )
    .await;
    assert!(read_all(&mut stream).await.ends_with("hello you"));
    assert!(
        Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );

    let (uri, body) = tokio::time::timeout(Duration::from_secs(20), calls.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        uri.path(),
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    );
    let has = |wanted: &[u8]| body.windows(wanted.len()).any(|window| window == wanted);
    assert!(has(b"greeter") && has(b"/hello/you"));
    assert!(
        has(&0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes()),
        "the trace goes on"
    );
    assert!(
        has(&0x00f0_67aa_0ba9_02b7_u64.to_be_bytes()),
        "the caller's span is the parent"
    );
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut log, &mut rest).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(
        rest.contains("\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\""),
        "{rest}"
    );
}
