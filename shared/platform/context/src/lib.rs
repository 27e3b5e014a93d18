//! What is known of one request from its first byte to its log line.
//!
//! The outermost layer of a process makes a [`RequestContext`]; it travels as a request extension (take it as an
//! argument of a handler) and as a task-local ([`RequestContext::current`]), so that calls to neighbours carry the id,
//! the trace and the deadline on without a parameter for them: [`propagate`] writes the first two into a call's headers,
//! [`deadline`] says how the third is written.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! use platform_context::{REQUEST_ID, RequestContext, propagate};
//! let context = RequestContext::detached();
//! let mut headers = http::HeaderMap::new();
//! context.scope(async { propagate(&mut headers) }).await;
//! assert_eq!(&headers[REQUEST_ID], context.request_id_header());
//! # }
//! ```

mod client;
pub mod deadline;
mod propagation;
pub mod spans;
mod trace;

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use platform_clock::{Clock, SystemClock};
use tokio::time::Instant;

pub use client::ClientAddress;
pub use propagation::{propagate, traceparent};
pub use trace::TraceContext;

/// The header that carries the request id, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: RequestContext;
}

/// Id, trace and deadline of a request. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RequestContext {
    shared: Arc<Shared>,
    deadline: Option<Instant>,
}

#[derive(Debug)]
struct Shared {
    request_id: HeaderValue,
    trace: TraceContext,
    route: OnceLock<Arc<str>>,
}

impl RequestContext {
    /// An id longer than this is not taken from a client.
    const MAX_ID_BYTES: usize = 128;

    /// The context of a request that enters the process: its id and trace are taken if they are sane, else made.
    pub fn of_headers(headers: &HeaderMap, clock: &dyn Clock) -> Self {
        let given = headers.get(REQUEST_ID).filter(|id| is_sane(id.as_bytes()));
        let request_id = given.cloned().unwrap_or_else(|| fresh_id(clock));
        let shared = Shared {
            request_id,
            trace: TraceContext::of_headers(headers, clock),
            route: OnceLock::new(),
        };
        Self {
            shared: Arc::new(shared),
            deadline: None,
        }
    }

    /// The context of work that no request asked for: a job, a subscriber, a test.
    pub fn detached() -> Self {
        Self::of_headers(&HeaderMap::new(), &SystemClock)
    }

    /// The context of work that is done for a request later, of which this was kept: its trace goes on.
    pub fn of_traceparent(traceparent: Option<&str>) -> Self {
        let value = traceparent.and_then(|text| HeaderValue::from_str(text).ok());
        let headers = value.map(|value| (propagation::TRACEPARENT, value));
        Self::of_headers(&headers.into_iter().collect(), &SystemClock)
    }

    /// The same request, for work that goes on when nobody waits for its answer any more.
    #[must_use]
    pub fn without_deadline(&self) -> Self {
        Self {
            deadline: None,
            ..self.clone()
        }
    }

    /// The context of the request that the running task works for.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Runs a future as work for this request, for work that is spawned.
    pub fn scope<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(self.clone(), work)
    }

    /// The id, as in the header and in every log line.
    pub fn request_id(&self) -> &str {
        self.shared.request_id.to_str().unwrap_or_default()
    }

    /// The id as a header value.
    pub fn request_id_header(&self) -> &HeaderValue {
        &self.shared.request_id
    }

    /// The trace it belongs to.
    pub fn trace(&self) -> &TraceContext {
        &self.shared.trace
    }

    /// When the answer is of no use any more.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// What is left until the deadline; nothing if it has passed, `None` if there is none.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Brings the deadline forward. It never moves back.
    pub fn narrow_deadline(&mut self, to: Instant) {
        self.deadline = Some(self.deadline.map_or(to, |at| at.min(to)));
    }

    /// The template of the route that was taken, such as `/api/products/{id}`.
    pub fn route(&self) -> Option<&Arc<str>> {
        self.shared.route.get()
    }

    /// Notes the route for log and metrics. The first one counts: a gateway's before its service's.
    pub fn set_route(&self, template: &Arc<str>) {
        self.shared.route.get_or_init(|| template.clone());
    }
}

#[cfg(feature = "axum")]
impl<S: Sync> axum_core::extract::FromRequestParts<S> for RequestContext {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get().cloned().unwrap_or_else(Self::detached))
    }
}

/// A token of RFC 9110 without surprises in a log.
fn is_sane(id: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte);
    !id.is_empty() && id.len() <= RequestContext::MAX_ID_BYTES && id.iter().all(allowed)
}

fn fresh_id(clock: &dyn Clock) -> HeaderValue {
    let id = clock.new_id();
    let mut buffer = uuid::Uuid::encode_buffer();
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut buffer)).expect("a UUID is ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform_clock::ManualClock;

    fn context(id: &str) -> RequestContext {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_str(id).unwrap());
        RequestContext::of_headers(&headers, &ManualClock::default())
    }

    #[test]
    fn a_sane_id_is_taken_and_another_is_replaced() {
        assert_eq!(context("a-1_b.c").request_id(), "a-1_b.c");
        for bad in ["", "two words", "<script>", &"x".repeat(129), "quote\""] {
            let made = context(bad);
            assert_eq!(made.request_id().len(), 36, "{bad:?} gave {}", made.request_id());
        }
    }

    #[test]
    fn a_deadline_only_comes_nearer() {
        let mut context = RequestContext::detached();
        let (near, far) = (Instant::now(), Instant::now() + Duration::from_secs(9));
        context.narrow_deadline(near);
        context.narrow_deadline(far);
        assert_eq!(context.deadline(), Some(near));
    }

    #[tokio::test]
    async fn work_knows_the_request_it_is_for() {
        assert!(RequestContext::current().is_none());
        let context = context("r1");
        let seen = context.scope(async { RequestContext::current() }).await;
        assert_eq!(seen.unwrap().request_id(), "r1");
    }
}
