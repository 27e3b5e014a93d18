//! The public keys.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use platform_runtime::extract::etag::{self, IfNoneMatch};
use platform_runtime::policy;

use crate::service::AuthService;

/// Lists the public keys of access tokens
///
/// A JSON Web Key Set (RFC 7517): the next, the current and the previous key.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "auth",
    responses(
        (status = 200, body = Object, content_type = "application/json", headers(("ETag" = String))),
        (status = 304, description = "Not changed since `If-None-Match`"),
    ),
    extensions(("x-stoa" = json!(policy::public()))))]
pub(super) async fn jwks(State(service): State<AuthService>, wanted: IfNoneMatch) -> Response {
    let ring = service.keys().ring();
    let tag = etag::of_body(ring.jwks.as_bytes());
    etag::conditional(&wanted, &tag, || {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
        ];
        (headers, ring.jwks.clone()).into_response()
    })
}
