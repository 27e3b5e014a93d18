//! What an answer gets on its way to the client.

use axum::response::Response;
use http::header::{self, HeaderName, HeaderValue};
use platform_runtime::policy::Cache;

use crate::hygiene::{is_hop_by_hop, named_by_connection};

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

/// Headers of connections and of our own processes. The request id is written anew by the outermost layer.
fn is_internal(name: &HeaderName) -> bool {
    let is_our_own = |rest: &str| rest == "powered-by" || rest.starts_with("stoa-") || rest.starts_with("internal-");
    is_hop_by_hop(name)
        || matches!(*name, header::SERVER | header::VIA)
        || name.as_str().strip_prefix("x-").is_some_and(is_our_own)
}

/// Takes off what is internal.
pub(crate) fn remove_internal(response: &mut Response) {
    let headers = response.headers_mut();
    let mut names: Vec<HeaderName> = named_by_connection(headers).collect();
    names.extend(headers.keys().filter(|name| is_internal(name)).cloned());
    for name in names {
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

/// Sets the security headers. A refusal that says nothing else is not kept: it may be over in a moment.
pub(crate) fn secure(response: &mut Response) {
    let is_refusal = response.status().is_client_error() || response.status().is_server_error();
    let headers = response.headers_mut();
    if is_refusal {
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
    for (name, value) in SECURITY {
        headers.insert(name, value);
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NOTHING_RUNS);
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[test]
    fn an_answer_loses_what_belongs_to_the_connection_and_to_us() {
        let mut response = Response::new(Body::empty());
        let of_upstream = [
            ("connection", "x-hop, close"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("server", "secret"),
            ("x-stoa-node", "7"),
            ("etag", "\"1\""),
        ];
        for (name, value) in of_upstream {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        remove_internal(&mut response);
        let left: Vec<&str> = response.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["etag"]);
    }
}
