//! A call to a neighbour and what can come of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::Collected;

use crate::balancer::NoEndpoint;
use crate::credential::TokenError;

/// An error of some transport.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What came back, whatever its status: read whole, with its trailers.
pub type Answer = Response<Collected<Bytes>>;

/// Whether a call may be made twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Repeat {
    /// Twice does what once does, and nobody minds: reads. Tried again, elsewhere, when it fails.
    Harmless,
    /// Only if nothing was sent. For what has effects; also for what is idempotent where the caller repeats by itself and
    /// must know what happened.
    #[default]
    OnlyUnsent,
}

/// A call: a request whose URI is a path, and how it is to be made.
///
/// ```
/// use std::time::Duration;
/// use platform_rpc::Call;
/// let read = Call::get("/internal/goods/7");
/// let write = Call::post("/internal/goods").within(Duration::from_millis(800));
/// ```
#[derive(Debug, Clone)]
pub struct Call {
    pub(crate) request: Request<Bytes>,
    pub(crate) repeat: Repeat,
    pub(crate) timeout: Duration,
    pub(crate) patience: Duration,
}

impl Call {
    /// How long a call may take, all tries together, unless [`Call::within`] says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(2);

    /// How long an endpoint may take before another is asked, unless [`Call::patience`] says otherwise.
    pub const PATIENCE: Duration = Duration::from_millis(500);

    /// A call that may not be repeated, of a request made elsewhere. Of its URI only path and query count.
    pub fn new(request: Request<Bytes>) -> Self {
        Self {
            request,
            repeat: Repeat::OnlyUnsent,
            timeout: Self::TIMEOUT,
            patience: Self::PATIENCE,
        }
    }

    /// A read.
    ///
    /// # Panics
    /// If the text is no path and query: our own code makes it, with all that is foreign percent-encoded.
    pub fn get(path_and_query: &str) -> Self {
        Self::of(Method::GET, path_and_query).repeat(Repeat::Harmless)
    }

    /// A call with effects.
    ///
    /// # Panics
    /// If the text is no path and query.
    pub fn post(path_and_query: &str) -> Self {
        Self::of(Method::POST, path_and_query)
    }

    /// A call of another method, one that may not be repeated.
    ///
    /// # Panics
    /// If the text is no path and query.
    pub fn of(method: Method, path_and_query: &str) -> Self {
        let uri: Uri = path_and_query.parse().expect("a path is made of what a URI may hold");
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        Self::new(request)
    }

    /// Sends a body as JSON.
    ///
    /// # Panics
    /// If the value cannot be JSON, such as a map whose keys are no text; wire bodies are.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn json(mut self, body: &impl serde::Serialize) -> Self {
        let bytes = serde_json::to_vec(body).expect("wire bodies can be written as JSON");
        *self.request.body_mut() = bytes.into();
        self.header(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
    }

    /// Sends a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.request.headers_mut().insert(name, value);
        self
    }

    /// Whether it may be made twice.
    #[must_use]
    pub fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    /// How long it may take, all tries together. The deadline of the request it is made for ends it as well.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long one endpoint may take before another is asked instead; while none can be asked instead, it may take the
    /// whole time. Also what an endpoint must at least be given before its silence counts against it.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        self.request.headers_mut()
    }
}

/// No answer. Whoever made a call with effects looks at [`CallError::was_sent`].
#[derive(Debug, thiserror::Error)]
#[error("{neighbour} gave no answer")]
pub struct CallError {
    pub(crate) neighbour: Arc<str>,
    #[source]
    pub(crate) reason: NoAnswer,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// Nobody can be asked.
    #[error(transparent)]
    NoEndpoint(#[from] NoEndpoint),
    /// No connection came about.
    #[error("cannot connect")]
    NotConnected(#[source] BoxError),
    /// There is nothing to prove by who asks.
    #[error(transparent)]
    NoToken(#[from] TokenError),
    /// There was no time to send it.
    #[error("no time was left for it")]
    NoTime,
    /// The time is over.
    #[error("nothing came back in time")]
    TimedOut,
    /// The connection broke, or what came back cannot be read.
    #[error("the connection broke")]
    Broken(#[source] BoxError),
}

impl NoAnswer {
    pub(crate) fn was_sent(&self) -> bool {
        matches!(self, Self::TimedOut | Self::Broken(_))
    }
}

impl CallError {
    /// `false`: the neighbour has certainly not heard of it. `true`: nobody knows what it did.
    pub fn was_sent(&self) -> bool {
        self.reason.was_sent()
    }

    /// Why there is no answer.
    pub fn reason(&self) -> &NoAnswer {
        &self.reason
    }
}
