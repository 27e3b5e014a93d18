//! Which web pages may call the API from a browser: none, unless an operator names their origins.

use std::time::Duration;

use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Uri};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// The origin of a web page as browsers write it, such as `https://shop.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

/// The text is not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an origin is a scheme and a host in lower case, such as https://shop.example, without a path or a slash at its end"
)]
pub struct OriginError;

impl std::str::FromStr for Origin {
    type Err = OriginError;

    /// Browsers send origins in one form (RFC 6454, 6.1) and they are compared byte by byte: what could never be equal to
    /// one is refused here, the star among it.
    fn from_str(text: &str) -> Result<Self, OriginError> {
        let uri: Uri = text.parse().map_err(|_| OriginError)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(OriginError);
        };
        let has_usual_port = matches!(
            (scheme, authority.port_u16()),
            ("http", Some(80)) | ("https", Some(443))
        );
        let as_browsers_write_it = format!("{scheme}://{}", authority.as_str().to_ascii_lowercase());
        if has_usual_port || authority.as_str().contains(['@', '*']) || text != as_browsers_write_it {
            return Err(OriginError);
        }
        HeaderValue::from_str(text).map(Self).map_err(|_| OriginError)
    }
}

/// The layer that lets these origins in; none without any.
pub(crate) fn layer(origins: Vec<Origin>) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let idempotency_key = HeaderName::from_static("idempotency-key");
    let request_id = HeaderName::from_static("x-request-id");
    let ours = ["ratelimit", "ratelimit-policy", "idempotent-replayed"].map(HeaderName::from_static);
    let exposed = [header::ETAG, header::LOCATION, header::RETRY_AFTER, request_id.clone()];
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.into_iter().map(|Origin(value)| value)))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            idempotency_key,
            request_id,
            HeaderName::from_static("traceparent"),
            HeaderName::from_static("tracestate"),
        ])
        .expose_headers(exposed.into_iter().chain(ours).collect::<Vec<_>>())
        .max_age(Duration::from_mins(10));
    Some(layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for good in [
            "https://shop.example",
            "http://localhost:3000",
            "http://[::1]:8000",
            "https://a.b:8443",
        ] {
            assert!(good.parse::<Origin>().is_ok(), "{good}");
        }
        let bad = [
            "*",
            "null",
            "",
            "shop.example",
            "https://shop.example/",
            "https://shop.example/path",
            "https://Shop.example",
            "https://shop.example:443",
            "https://me@shop.example",
            "https://*.example",
        ];
        for bad in bad {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }
}
