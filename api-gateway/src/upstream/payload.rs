//! The bodies on both ways: what can be sent twice, whose fault a broken one is, and until when an endpoint is busy.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use platform_problem::Problem;
use platform_rpc::balancer::Lease;
use platform_runtime::extract::{body_refusal, read_body};
use tokio::time::Instant;

/// A body that goes to a service.
pub(super) enum Payload {
    /// Read whole, so that it can be sent again. Empty for most.
    Whole(Bytes),
    /// Passed on as it comes, once.
    Stream(Option<Body>),
}

impl Payload {
    /// What is declared to be longer, or not declared at all, is passed on as it comes.
    const MOST_WHOLE: u64 = 64 * 1024;

    pub(super) async fn of(body: Body, until: Instant) -> Result<Self, Problem> {
        if body.is_end_stream() {
            return Ok(Self::Whole(Bytes::new()));
        }
        if body.size_hint().exact().is_some_and(|size| size <= Self::MOST_WHOLE) {
            return Ok(Self::Whole(read_body(body, Some(until)).await?));
        }
        Ok(Self::Stream(Some(body)))
    }

    pub(super) fn can_be_sent_again(&self) -> bool {
        matches!(self, Self::Whole(_))
    }

    /// The body for one try. A stream comes with the means to tell how it went.
    pub(super) fn lend(&mut self) -> (Body, Option<Arc<Upload>>) {
        match self {
            Self::Whole(bytes) => (Body::from(bytes.clone()), None),
            Self::Stream(body) => {
                let upload = Arc::new(Upload::default());
                let inner = body.take().unwrap_or_default();
                let told = upload.clone();
                let watched = Watched::new(inner, move |end: Result<(), &axum::Error>| match end {
                    Ok(()) => told.is_complete.store(true, Ordering::Release),
                    Err(error) => {
                        told.fault.get_or_init(|| body_refusal(error));
                    }
                });
                (Body::new(watched), Some(upload))
            }
        }
    }
}

/// How a client's body came in.
#[derive(Default)]
pub(super) struct Upload {
    fault: OnceLock<Problem>,
    is_complete: AtomicBool,
}

impl Upload {
    /// What the client did wrong, if it did.
    pub(super) fn fault(&self) -> Option<Problem> {
        self.fault.get().cloned()
    }

    /// Whether all of it has come.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete.load(Ordering::Acquire)
    }
}

/// A body of which somebody is told that it has come to its end, or what broke it. The end may be told twice.
pub(super) struct Watched<B, F> {
    inner: B,
    tell: F,
}

impl<B, F> Watched<B, F> {
    pub(super) fn new(inner: B, tell: F) -> Self {
        Self { inner, tell }
    }
}

impl<B, F> HttpBody for Watched<B, F>
where
    B: HttpBody + Unpin,
    F: FnMut(Result<(), &B::Error>) + Unpin,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        match &polled {
            Poll::Ready(None) => (self.tell)(Ok(())),
            Poll::Ready(Some(Err(error))) => (self.tell)(Err(error)),
            // Whoever sends it on may not ask again.
            Poll::Ready(Some(Ok(_))) if self.inner.is_end_stream() => (self.tell)(Ok(())),
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// An answer's body: its endpoint counts as busy until it has passed.
pub(super) struct LentBody<B, T> {
    inner: B,
    _lease: Lease<T>,
}

impl<B, T> LentBody<B, T> {
    pub(super) fn new(inner: B, lease: Lease<T>) -> Self {
        Self { inner, _lease: lease }
    }
}

impl<B: HttpBody + Unpin, T> HttpBody for LentBody<B, T> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
