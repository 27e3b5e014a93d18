//! A collector that keeps what it is told.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::listener::{Limits, Listener};
use platform_runtime::server::Server;
use prost::Message;

/// A span as it was exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exported {
    pub(super) process: String,
    pub(super) kind: String,
    /// Its name and what its attributes say.
    pub(super) about: String,
    pub(super) trace: String,
    pub(super) id: String,
    /// Empty at the root.
    pub(super) parent: String,
}

/// Speaks OTLP over gRPC.
pub(super) struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<Exported>>>,
}

impl Collector {
    pub(super) fn start() -> Self {
        let spans = Arc::<Mutex<Vec<Exported>>>::default();
        let keep = spans.clone();
        let app = Router::new().fallback(async move |body: Bytes| {
            // A message comes after five bytes that say how long it is.
            let request = ExportTraceServiceRequest::decode(&body[5..]).unwrap();
            keep.lock().unwrap().extend(exported(request));
            success()
        });
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Limits::inner()).unwrap();
        let address = listener.local_addr();
        Server::new(Lifecycle::new(Duration::ZERO)).add(listener, app);
        Self { address, spans }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Of one trace.
    pub(super) fn spans(&self, trace: &str) -> Vec<Exported> {
        let all = self.spans.lock().unwrap();
        all.iter().filter(|span| span.trace == trace).cloned().collect()
    }
}

fn exported(request: ExportTraceServiceRequest) -> Vec<Exported> {
    let mut all = Vec::new();
    for resource in request.resource_spans {
        let attributes = resource.resource.unwrap_or_default().attributes;
        let process = attributes
            .iter()
            .find(|it| it.key == "service.name")
            .map(said)
            .unwrap_or_default();
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            let kind = SpanKind::try_from(span.kind).unwrap().as_str_name();
            let attributes: Vec<String> = span.attributes.iter().map(said).collect();
            all.push(Exported {
                process: process.clone(),
                kind: kind.trim_start_matches("SPAN_KIND_").to_lowercase(),
                about: format!("{} {}", span.name, attributes.join(" ")),
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
            });
        }
    }
    all
}

fn said(attribute: &KeyValue) -> String {
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        _ => String::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut hex = String::new();
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// gRPC's answer without anything to say.
fn success() -> Response {
    let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))]);
    let frames = [
        Ok::<_, std::io::Error>(http_body::Frame::data(Bytes::from_static(&[0; 5]))),
        Ok(http_body::Frame::trailers(trailers)),
    ];
    let mut response = Response::new(Body::new(http_body_util::StreamBody::new(futures::stream::iter(
        frames,
    ))));
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, grpc);
    response
}
