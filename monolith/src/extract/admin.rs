//! The operation on the admin listener.

use std::sync::Arc;

use api_gateway::Service;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::StatusCode;
use platform_rpc::Target;
use platform_sql::PostgresConfig;
use serde::{Deserialize, Serialize};

use super::{Extraction, Move};
use crate::operations;

/// Its path.
pub const PATH: &str = "/extract";

/// What is to be done.
#[derive(Serialize, Deserialize)]
pub struct Request {
    /// `product`
    pub service: String,
    /// `postgres://..`, with the password.
    pub to: String,
    /// `http://..`
    pub url: String,
    /// The other way.
    pub back: bool,
}

/// The operation, for the admin listener.
#[expect(
    clippy::disallowed_methods,
    reason = "an operation of the process, not a route of the product"
)]
pub fn router(extraction: Arc<Extraction>) -> Router {
    Router::new().route(PATH, post(extract)).with_state(extraction)
}

async fn extract(State(extraction): State<Arc<Extraction>>, Json(request): Json<Request>) -> Response {
    let Request { service, to, url, back } = request;
    let wanted = match (service.parse::<Service>(), url.parse::<Target>()) {
        (Ok(service), Ok(url)) => Move {
            service,
            to: PostgresConfig::new(to),
            url,
        },
        (Err(error), _) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
        (_, Err(error)) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    operations::answer("extract", |say| async move {
        if back {
            extraction.take_back(&wanted, &say).await
        } else {
            extraction.extract(&wanted, &say).await
        }
    })
}
