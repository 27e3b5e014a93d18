//! Spans over OTLP, children of the callers'.

use axum::body::Body;
use http::Request;
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, TraceId, TracerProvider};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, Sampler, SdkTracer, SdkTracerProvider};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;

use crate::context::{RequestContext, spans};

/// The exporter and all behind it.
pub(super) fn provider(endpoint: &str, process: &'static str) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build()?;
    let resource = Resource::builder()
        .with_attribute(KeyValue::new("service.name", process))
        .build();
    spans::export();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_id_generator(RequestIds::default())
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
        .with_resource(resource);
    Ok(provider.build())
}

/// The layer that turns spans of `tracing` into exported ones.
pub(super) fn layer<S>(provider: &SdkTracerProvider) -> OpenTelemetryLayer<S, SdkTracer>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_opentelemetry::layer().with_tracer(provider.tracer("stoa"))
}

/// The span of a request, a child of the caller's; none if spans are not exported.
pub fn request_span(context: &RequestContext, request: &Request<Body>) -> Span {
    if !spans::are_exported() {
        return Span::none();
    }
    let method = request.method().as_str();
    let path = request.uri().path();
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        http.request.method = method,
        url.path = path
    );
    if let Some(parent) = context.trace().parent_id_bytes() {
        let trace = context.trace();
        spans::put_under_remote(&span, trace.trace_id_bytes(), parent, trace.flags());
    }
    span
}

/// A trace that begins here has the id that the log lines name.
#[derive(Debug, Default)]
struct RequestIds(RandomIdGenerator);

impl IdGenerator for RequestIds {
    fn new_trace_id(&self) -> TraceId {
        match RequestContext::current() {
            Some(context) => TraceId::from_bytes(context.trace().trace_id_bytes()),
            None => self.0.new_trace_id(),
        }
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}
