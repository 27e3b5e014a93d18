//! What an answer gets on its way to the client.

use axum::response::Response;
use http::header::{self, HeaderName, HeaderValue};
use platform_runtime::policy::Cache;

/// On every answer: no guessing of types, no framing, no referrer, https only where it was https.
const SECURITY: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=31536000; includeSubDomains"),
    ),
];

/// An answer of the API has nothing to run; the page of the documentation brings a policy of its own.
const NOTHING_RUNS: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Headers of connections and of our own processes.
const INTERNAL: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::UPGRADE,
    header::SERVER,
    HeaderName::from_static("x-powered-by"),
];

/// Takes off what is internal.
pub(crate) fn remove_internal(response: &mut Response) {
    let headers = response.headers_mut();
    for name in &INTERNAL {
        headers.remove(name);
    }
}

/// Says how long an answer of the API may be kept, unless the service said so: what is for everybody is asked for again
/// with its `ETag`, what is for one is not kept.
pub(crate) fn set_caching(response: &mut Response, cache: Cache) {
    let value = match cache {
        Cache::Public => HeaderValue::from_static("public, no-cache"),
        Cache::None => HeaderValue::from_static("no-store"),
    };
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(value);
}

/// Sets the security headers.
pub(crate) fn secure(response: &mut Response) {
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers.insert(name, value);
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NOTHING_RUNS);
}

/// A compressed answer has other bytes than the one its `ETag` was made of: the tag becomes a weak one (RFC 9110, 8.8.1).
pub(crate) fn weaken_etag(response: &mut Response) {
    let headers = response.headers_mut();
    if !headers.contains_key(header::CONTENT_ENCODING) {
        return;
    }
    let strong = headers
        .get(header::ETAG)
        .map(HeaderValue::as_bytes)
        .filter(|tag| !tag.starts_with(b"W/"));
    let Some(weak) = strong.map(|tag| [b"W/", tag].concat()) else {
        return;
    };
    if let Ok(weak) = HeaderValue::from_bytes(&weak) {
        headers.insert(header::ETAG, weak);
    }
}
