//! Spans over OTLP, children of the callers'.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use http::Request;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, Sampler, SdkTracer, SdkTracerProvider};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::registry::LookupSpan;

use crate::context::RequestContext;

/// Whether spans are exported: set once, at the start.
static IS_EXPORTING: AtomicBool = AtomicBool::new(false);

/// The exporter and all behind it.
pub(super) fn provider(endpoint: &str, process: &'static str) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build()?;
    let resource = Resource::builder()
        .with_attribute(KeyValue::new("service.name", process))
        .build();
    IS_EXPORTING.store(true, Ordering::Relaxed);
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
    if !IS_EXPORTING.load(Ordering::Relaxed) {
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
        let trace_id = TraceId::from_bytes(context.trace().trace_id_bytes());
        let flags = TraceFlags::new(context.trace().flags());
        let remote = SpanContext::new(trace_id, SpanId::from_bytes(parent), flags, true, TraceState::NONE);
        // It fails only for a span that has begun; this one has not.
        let _ = span.set_parent(Context::new().with_remote_span_context(remote));
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
