//! One form for every refusal.

use axum::response::Response;
use http::{HeaderMap, header};
use platform_context::RequestContext;
use platform_problem::Problem;
use platform_problem::response::{of_status, render};

/// Renders the problem behind an answer again with the request id, and gives a bare status, as a framework answers it,
/// its problem. What is a problem on the wire already, from a service behind, stays as it is: the id went there and came back.
pub(super) fn in_one_form(mut response: Response, context: &RequestContext) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if is_problem(response.headers()) => return response,
        None => of_status(status),
    };
    let rendered = render(&problem, Some(context.request_id()));
    let (mut parts, _) = response.into_parts();
    let (new, body) = rendered.into_parts();
    parts.status = new.status;
    // These belong to the body that is replaced. `Allow` and the like stay.
    for of_the_body in [
        header::CONTENT_LENGTH,
        header::CONTENT_ENCODING,
        header::ETAG,
        header::LAST_MODIFIED,
    ] {
        parts.headers.remove(of_the_body);
    }
    parts.headers.extend(new.headers);
    Response::from_parts(parts, body)
}

fn is_problem(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/problem+json"))
}
