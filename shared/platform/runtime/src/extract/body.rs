//! Reads a body in whole, within the limit and the deadline of its route.

use std::error::Error;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError};
use platform_problem::{Problem, codes};
use tokio::time::Instant;

/// The whole body. 413 over the limit of the route, 408 past the deadline, 400 if the client broke it off.
pub async fn read_body(body: Body, deadline: Option<Instant>) -> Result<Bytes, Problem> {
    let reading = body.collect();
    let read = match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, reading).await,
        None => Ok(reading.await),
    };
    match read {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) => Err(body_refusal(&error)),
        Err(_) => Err(Problem::new(&codes::REQUEST_TIMEOUT)),
    }
}

/// What a failed read of a body means to its sender: 413 over the limit of the route, else 400. For handlers that read as
/// it comes.
pub fn body_refusal(error: &(dyn Error + 'static)) -> Problem {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return Problem::new(&codes::PAYLOAD_TOO_LARGE);
        }
        cause = error.source();
    }
    Problem::new(&codes::BAD_REQUEST).detail("the body ended before it was complete")
}
