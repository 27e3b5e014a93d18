//! Answers in gzip for those who take it.
//!
//! Not the layer of tower-http: it answers 406 after a write was done when a client takes no encoding at all, and a service
//! behind it would be asked for each client's encoding anew. Here nobody behind sees `Accept-Encoding`.

use async_compression::Level;
use async_compression::tokio::bufread::GzipEncoder;
use axum::body::Body;
use axum::response::Response;
use futures::TryStreamExt;
use http::header::{self, HeaderValue};
use http::{HeaderMap, StatusCode};
use http_body::Body as _;
use std::io;
use tokio_util::io::{ReaderStream, StreamReader};

/// Below this the head of the answer weighs more than what is saved.
const WORTH_IT_BYTES: u64 = 1024;

/// What the client said about gzip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AcceptsGzip(bool);

impl AcceptsGzip {
    /// Reads `Accept-Encoding` (RFC 9110, 12.5.3) and takes it off.
    pub(crate) fn take(headers: &mut HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT_ENCODING).iter();
        let choices = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','));
        let (mut named, mut others) = (None, false);
        for (coding, is_wanted) in choices.filter_map(choice_of) {
            if coding.eq_ignore_ascii_case("gzip") {
                named = Some(is_wanted);
            } else if coding == "*" {
                others = is_wanted;
            }
        }
        let accepts = named.unwrap_or(others);
        headers.remove(header::ACCEPT_ENCODING);
        Self(accepts)
    }
}

/// A coding and whether it is wanted, which `q=0` denies.
fn choice_of(text: &str) -> Option<(&str, bool)> {
    let (name, parameter) = text.split_once(';').unwrap_or((text, ""));
    let name = name.trim();
    let weight = parameter.trim().strip_prefix("q=").unwrap_or("1");
    let is_wanted = weight.parse::<f32>().is_ok_and(|weight| weight > 0.0);
    (!name.is_empty()).then_some((name, is_wanted))
}

/// Compresses an answer if the client takes that and it is worth it. The tag becomes a weak one, for the bytes are not the
/// ones that it was made of (RFC 9110, 8.8.1), and caches are told that there are two forms.
pub(crate) fn apply(mut response: Response, accepts: AcceptsGzip) -> Response {
    if !is_worth_it(&response) {
        return response;
    }
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if !accepts.0 {
        return response;
    }
    weaken_etag(headers);
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::ACCEPT_RANGES);
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response.map(gzip)
}

fn is_worth_it(response: &Response) -> bool {
    let headers = response.headers();
    let size = response.body().size_hint();
    let is_long = size.exact().is_none_or(|size| size >= WORTH_IT_BYTES);
    is_long
        && response.status() != StatusCode::NOT_MODIFIED
        && !headers.contains_key(header::CONTENT_ENCODING)
        && !headers.contains_key(header::CONTENT_RANGE)
        && headers.get(header::CONTENT_TYPE).is_some_and(is_of_text)
}

/// What services of ours answer with is text; images and the like are compressed already.
fn is_of_text(content_type: &HeaderValue) -> bool {
    let text = content_type.as_bytes();
    let texts: [&[u8]; 5] = [
        b"application/json",
        b"application/problem+json",
        b"application/x-ndjson",
        b"application/javascript",
        b"text/",
    ];
    texts.iter().any(|start| text.starts_with(start)) && !text.starts_with(b"text/event-stream")
}

fn gzip(body: Body) -> Body {
    let bytes = body.into_data_stream().map_err(io::Error::other);
    // The highest levels cost a multiple for a few bytes.
    let encoder = GzipEncoder::with_quality(StreamReader::new(bytes), Level::Fastest);
    Body::from_stream(ReaderStream::new(encoder))
}

fn weaken_etag(headers: &mut HeaderMap) {
    let strong = headers.get(header::ETAG).map(HeaderValue::as_bytes);
    let Some(strong) = strong.filter(|tag| !tag.starts_with(b"W/")) else {
        return;
    };
    if let Ok(weak) = HeaderValue::from_bytes(&[b"W/", strong].concat()) {
        headers.insert(header::ETAG, weak);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(value: &'static str) -> bool {
        let mut headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
        let accepts = AcceptsGzip::take(&mut headers);
        assert!(headers.is_empty());
        accepts.0
    }

    #[test]
    fn gzip_is_taken_by_name_or_by_the_star_unless_denied() {
        for yes in [
            "gzip",
            "br, GZIP",
            "deflate, gzip;q=0.1",
            "*",
            "br;q=0, *;q=0.5",
            "gzip, *;q=0",
        ] {
            assert!(accepts(yes), "{yes}");
        }
        for no in [
            "",
            "identity",
            "gzip;q=0",
            "gzip;q=0.0, *",
            "*;q=0",
            "gzipped",
            "gzip;q=x",
        ] {
            assert!(!accepts(no), "{no}");
        }
    }

    fn answer(content_type: &'static str, length: usize) -> Response {
        let mut response = Response::new(Body::from("x".repeat(length)));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::ETAG, HeaderValue::from_static("\"1.a\""));
        response
    }

    #[test]
    fn what_is_short_or_compressed_already_stays_as_it_is() {
        for (content_type, length) in [
            ("application/json", 1023),
            ("image/png", 5000),
            ("text/event-stream", 5000),
        ] {
            let response = apply(answer(content_type, length), AcceptsGzip(true));
            assert!(
                !response.headers().contains_key(header::CONTENT_ENCODING),
                "{content_type}"
            );
            assert_eq!(response.headers()[header::ETAG], "\"1.a\"");
        }
    }

    #[test]
    fn a_cache_is_told_of_the_two_forms_whichever_it_gets() {
        for accepts in [true, false] {
            let response = apply(answer("application/json", 1024), AcceptsGzip(accepts));
            assert_eq!(response.headers()[header::VARY], "accept-encoding");
            assert_eq!(response.headers().contains_key(header::CONTENT_ENCODING), accepts);
        }
    }

    #[tokio::test]
    async fn what_was_compressed_is_the_answer_under_a_weak_tag() {
        let response = apply(answer("application/json", 5000), AcceptsGzip(true));
        assert_eq!(response.headers()[header::ETAG], "W/\"1.a\"");
        let bytes = axum::body::to_bytes(response.into_body(), 5000).await.unwrap();
        assert!(
            bytes.len() < 200 && bytes.starts_with(&[0x1f, 0x8b]),
            "{} bytes",
            bytes.len()
        );
    }
}
