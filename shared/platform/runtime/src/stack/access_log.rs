//! One line and one measurement a request.

use std::time::Instant;

use axum::body::Body;
use http::{Method, Request, StatusCode};

use crate::context::RequestContext;
use crate::telemetry::http_metrics;

/// The status for a client that went away before it had its answer; nginx's number.
const CLIENT_GONE: u16 = 499;

/// Written when the answer is known or, by its drop, when the client is gone. The path is logged without its query,
/// which may hold what people typed.
pub(super) struct AccessLog {
    context: RequestContext,
    method: Method,
    path: String,
    began: Instant,
    is_written: bool,
}

impl AccessLog {
    pub(super) fn begin(context: &RequestContext, request: &Request<Body>) -> Self {
        Self {
            context: context.clone(),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            began: Instant::now(),
            is_written: false,
        }
    }

    pub(super) fn end(mut self, status: StatusCode) {
        self.write(status.as_u16());
    }

    fn write(&mut self, status: u16) {
        self.is_written = true;
        let elapsed = self.began.elapsed();
        let route = self.context.route();
        http_metrics::record(route, &self.method, status, elapsed);
        let (method, path) = (self.method.as_str(), self.path.as_str());
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        // What is read in the macros alone is not made where the line is not wanted.
        let context = &self.context;
        if path.starts_with("/health") {
            tracing::debug!(target: "access", request_id = context.request_id(), trace_id = context.trace().id(), method, path, status, micros, "request");
        } else {
            tracing::info!(target: "access", request_id = context.request_id(), trace_id = context.trace().id(), method, path, route = route.map(AsRef::<str>::as_ref), status, micros, "request");
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        if !self.is_written {
            self.write(CLIENT_GONE);
        }
    }
}
