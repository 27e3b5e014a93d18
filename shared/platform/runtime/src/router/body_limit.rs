//! Bodies no longer than their route takes.

use axum::body::Body;
use http::{HeaderMap, header};
use http_body::Body as _;
use http_body_util::Limited;
use platform_problem::{Problem, codes};

use super::Policy;

/// Refuses by `Content-Length` what [`cut_off`] would end later, before anything is read.
pub fn check_declared(headers: &HeaderMap, policy: &Policy) -> Result<(), Problem> {
    let Some(length) = headers.get(header::CONTENT_LENGTH) else {
        return Ok(());
    };
    let length: Option<u64> = length.to_str().ok().and_then(|text| text.parse().ok());
    if length.is_none_or(|length| length > policy.body_limit) {
        let detail = format!("the body is limited to {} bytes", policy.body_limit);
        return Err(Problem::new(&codes::PAYLOAD_TOO_LARGE).detail(detail));
    }
    Ok(())
}

/// A body without a declared length ends with an error at the limit; an empty one is left as it is.
pub fn cut_off(body: Body, policy: &Policy) -> Body {
    if body.is_end_stream() {
        return body;
    }
    let limit = usize::try_from(policy.body_limit).unwrap_or(usize::MAX);
    Body::new(Limited::new(body, limit))
}
