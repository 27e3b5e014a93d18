//! The admin listener: metrics, and operations that no client may reach. It binds to the local host unless told otherwise.

use axum::Router;
use axum::routing::get;
use http::{HeaderValue, header};

use crate::telemetry::Metrics;

/// A router with `/metrics`; a process merges its own operations into it.
#[expect(
    clippy::disallowed_methods,
    reason = "operations of the process, not routes of the product"
)]
pub fn router(metrics: Metrics) -> Router {
    let text = HeaderValue::from_static("text/plain; version=0.0.4");
    Router::new().route(
        "/metrics",
        get(async move || ([(header::CONTENT_TYPE, text)], metrics.render())),
    )
}
