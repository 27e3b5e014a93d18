//! Spans of what is done for a request, where they are exported; elsewhere they cost a look at a flag.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::trace;

/// Set once, at the start.
static ARE_EXPORTED: AtomicBool = AtomicBool::new(false);

/// Whether spans of this process reach anybody: make none otherwise.
pub fn are_exported() -> bool {
    ARE_EXPORTED.load(Ordering::Relaxed)
}

/// From now on they do.
pub fn export() {
    ARE_EXPORTED.store(true, Ordering::Relaxed);
}

/// Makes a span that has not begun the child of the one that a `traceparent` names; a malformed one counts as none.
pub fn put_under(span: &Span, traceparent: &str) {
    if let Some((trace_id, parent_id, flags)) = trace::parse(traceparent.as_bytes()) {
        put_under_remote(span, trace_id, parent_id, flags);
    }
}

/// The same by its parts.
pub fn put_under_remote(span: &Span, trace_id: [u8; 16], parent_id: [u8; 8], flags: u8) {
    let (trace_id, parent_id) = (TraceId::from_bytes(trace_id), SpanId::from_bytes(parent_id));
    let remote = SpanContext::new(trace_id, parent_id, TraceFlags::new(flags), true, TraceState::NONE);
    // It fails only for a span that has begun; this one has not.
    let _ = span.set_parent(Context::new().with_remote_span_context(remote));
}

/// The `traceparent` of a span that is exported.
pub fn traceparent_of(span: &Span) -> Option<String> {
    if span.is_none() {
        return None;
    }
    let otel = span.context();
    let span = otel.span();
    let span = span.span_context();
    let (trace, id, flags) = (span.trace_id(), span.span_id(), span.trace_flags().to_u8());
    span.is_valid().then(|| format!("00-{trace}-{id}-{flags:02x}"))
}
