//! A problem as an HTTP response.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};

use crate::{Problem, codes};

impl IntoResponse for Problem {
    /// Renders the body and leaves the problem in the response's extensions, from where the outermost layer of the
    /// process renders it again with the request id.
    fn into_response(self) -> Response {
        let mut response = render(&self, None);
        response.extensions_mut().insert(self);
        response
    }
}

/// The response for a problem, complete with headers.
pub fn render(problem: &Problem, request_id: Option<&str>) -> Response {
    let body = problem.to_json(request_id).to_string();
    let mut response = body.into_response();
    *response.status_mut() = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    for (name, value) in problem.headers() {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// The problem that stands for a bare status, as a framework answers it.
pub fn of_status(status: StatusCode) -> Problem {
    let kind = codes::ALL.iter().copied().find(|kind| kind.status == status.as_u16());
    let fallback = if status.is_client_error() {
        &codes::BAD_REQUEST
    } else {
        &codes::INTERNAL
    };
    Problem::new(kind.unwrap_or(fallback))
}
