//! The operation on the admin listener: what is done comes line by line, while it is done.

use std::sync::Arc;

use api_gateway::Service;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures::StreamExt;
use futures::stream::unfold;
use http::StatusCode;
use platform_rpc::Target;
use platform_sql::PostgresConfig;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{Extraction, Move};

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

/// A line of the answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// What was done.
    Said(String),
    /// Why no more was done; the last.
    Failed(String),
    /// All was done; the last.
    Done,
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
    let service = wanted.service;
    let (say, mut said) = mpsc::unbounded_channel();
    let (lines, sent) = mpsc::channel::<Line>(16);
    let forward = lines.clone();
    let telling = tokio::spawn(async move {
        while let Some(line) = said.recv().await {
            tracing::info!(%service, "extract: {line}");
            if forward.send(Line::Said(line)).await.is_err() {
                break;
            }
        }
    });
    // By itself: what is decided is finished, whoever listens.
    tokio::spawn(async move {
        let outcome = if back {
            extraction.take_back(&wanted, &say).await
        } else {
            extraction.extract(&wanted, &say).await
        };
        drop(say);
        let _ = telling.await;
        let last = match outcome {
            Ok(()) => Line::Done,
            Err(error) => {
                let failed = super::command::line_of(&error);
                tracing::warn!(%service, "extract: {failed}");
                Line::Failed(failed)
            }
        };
        let _ = lines.send(last).await;
    });
    let stream = unfold(sent, async |mut sent| Some((sent.recv().await?, sent)));
    let stream = stream.map(|line| {
        let mut line = serde_json::to_vec(&line)?;
        line.push(b'\n');
        Ok::<_, serde_json::Error>(Bytes::from(line))
    });
    Body::from_stream(stream).into_response()
}
