//! What a service said, in memory.

use axum::body::{Body, to_bytes};
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body::Body as _;
use platform_problem::Problem;
use platform_runtime::context::REQUEST_ID;
use platform_runtime::extract::{IfNoneMatch, etag};
use tokio::time::Instant;

use crate::way_back;

/// What is larger is passed on and not kept.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;
/// What is kept beside the bytes of an answer.
const OVERHEAD_BYTES: usize = 512;

pub(super) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    /// A refusal of this process. Whoever gets it gets it with the id of his own request.
    problem: Option<Problem>,
    /// When it was asked for.
    pub(super) asked: Instant,
    /// What the thing bore then.
    pub(super) mark: u64,
}

impl Answer {
    /// Reads a response to its end. None: it is too large, or broke off.
    pub(super) async fn read(mut response: Response, asked: Instant, mark: u64) -> Option<Self> {
        way_back::remove_internal(&mut response);
        if response.body().size_hint().lower() > MAX_BODY_BYTES as u64 {
            return None;
        }
        let (mut head, body) = response.into_parts();
        let body = to_bytes(body, MAX_BODY_BYTES).await.ok()?;
        head.headers.insert(header::CONTENT_LENGTH, body.len().into());
        // Said anew by who sends it.
        head.headers.remove(header::DATE);
        head.headers.remove(REQUEST_ID);
        Some(Self {
            status: head.status,
            headers: head.headers,
            body,
            problem: head.extensions.remove(),
            asked,
            mark,
        })
    }

    /// What it takes of memory, about.
    pub(super) fn bytes(&self) -> usize {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| name.as_str().len() + value.len());
        OVERHEAD_BYTES + self.body.len() + headers.sum::<usize>()
    }

    /// Whether it may be kept: it is what was asked for, and nothing in it says that another would get another.
    pub(super) fn is_for_all(&self) -> bool {
        let is_for_one = |value: &HeaderValue| {
            let directives = value.to_str().unwrap_or("private").split([',', '=']).map(str::trim);
            directives
                .into_iter()
                .any(|name| name.eq_ignore_ascii_case("private") || name.eq_ignore_ascii_case("no-store"))
        };
        self.status == StatusCode::OK
            && !self.headers.contains_key(header::SET_COOKIE)
            && !self.headers.contains_key(header::VARY)
            && !self.headers.get_all(header::CACHE_CONTROL).iter().any(is_for_one)
    }

    /// Whether somebody may be told this who did not ask for it himself, or asked first. The refusal of a service names the
    /// request that it refused, so it is for nobody else.
    pub(super) fn may_be_told(&self, is_first: bool) -> bool {
        match self.status {
            StatusCode::OK => self.is_for_all(),
            _ => is_first || self.problem.is_some(),
        }
    }

    /// Whether the service could not answer.
    pub(super) fn is_failure(&self) -> bool {
        self.status.is_server_error()
    }

    /// The answer to a GET or HEAD, with the lengths that a router of this process would give.
    pub(super) fn respond(&self, asked: &Parts) -> Response {
        let tag = self.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
        let mut response = match tag.filter(|_| self.status == StatusCode::OK) {
            Some(tag) => etag::conditional(&IfNoneMatch::of_headers(&asked.headers), tag, || self.whole()),
            None => self.whole(),
        };
        if response.status() == StatusCode::NOT_MODIFIED {
            let length = HeaderValue::from_static("0");
            response.headers_mut().insert(header::CONTENT_LENGTH, length);
        }
        if asked.method == Method::HEAD {
            *response.body_mut() = Body::empty();
        }
        response
    }

    fn whole(&self) -> Response {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        if let Some(problem) = &self.problem {
            response.extensions_mut().insert(problem.clone());
        }
        response
    }
}
