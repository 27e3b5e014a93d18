//! The layers in front of every process' public router, outermost of all.
//!
//! In one service rather than a tower of them, for every request pays for each: it makes the [`RequestContext`], turns a
//! panic into a 500, gives every answer that is neither 2xx nor 3xx the one form of a problem with the request id in it,
//! counts and times by route, and writes the access log, also for a client that went away (499). A body that nobody wanted
//! is read to its end, so that its sender gets the answer.
//!
//! A router behind it in the same process needs no stack of its own: the context reaches it as an extension.

mod access_log;
mod linger;
mod problems;

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Method, Request, header};
use http_body::Body as _;
use platform_clock::Clock;
use platform_problem::{Problem, codes};
use tokio::time::Instant;
use tower::{Layer, Service};
use tracing::Instrument;

use crate::context::{REQUEST_ID, RequestContext, deadline};
use crate::grpc;
use crate::server::App;
use crate::telemetry;
use access_log::AccessLog;

/// Puts the layers in front of an app: `Stack::new(clock).layer(router)`.
#[derive(Clone)]
pub struct Stack {
    clock: Arc<dyn Clock>,
    is_inner: bool,
}

impl Stack {
    /// Ids come from the clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, is_inner: false }
    }

    /// The same for a listener that processes of ours call: what they say of the time they have left
    /// ([`deadline`]) becomes the deadline of the request.
    pub fn inner(clock: Arc<dyn Clock>) -> Self {
        Self { clock, is_inner: true }
    }
}

impl<A> Layer<A> for Stack {
    type Service = Stacked<A>;

    fn layer(&self, app: A) -> Stacked<A> {
        Stacked {
            stack: self.clone(),
            app,
        }
    }
}

/// An app behind the layers; itself an app.
#[derive(Clone)]
pub struct Stacked<A> {
    stack: Stack,
    app: A,
}

impl<A: App> Service<Request<Body>> for Stacked<A> {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let mut context = RequestContext::of_headers(request.headers(), &*self.stack.clock);
        if self.stack.is_inner
            && let Some(left) = deadline::timeout_of(request.headers())
        {
            context.narrow_deadline(Instant::now() + left);
        }
        request.extensions_mut().insert(context.clone());
        let log = AccessLog::begin(&context, &request);
        let is_head = *request.method() == Method::HEAD;
        let request = request.map(linger::lingering);
        let app = self.app.clone();
        let scope = context.clone();
        Box::pin(scope.scope(async move {
            let span = telemetry::request_span(&context, &request);
            let answering = AssertUnwindSafe(answer(app, request)).catch_unwind().instrument(span);
            let response = answering.await.unwrap_or_else(|_| {
                // The panic hook has logged what and where.
                tracing::error!("a handler panicked");
                Problem::new(&codes::INTERNAL).into_response()
            });
            let mut response = problems::in_one_form(response, &context);
            if is_head {
                response = without_body(response);
            }
            let id = context.request_id_header().clone();
            response.headers_mut().insert(REQUEST_ID, id);
            log.end(grpc::status_of(response.status(), response.headers()));
            Ok(response)
        }))
    }
}

/// For HEAD. Routers leave the body away, but refusals are written after them; HTTP/1 does not send that either, yet in HTTP/2
/// it would break the stream.
fn without_body(response: Response) -> Response {
    let length = response.body().size_hint().exact().filter(|length| *length > 0);
    let mut response = response.map(|_| Body::empty());
    if let Some(length) = length {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    response
}

async fn answer(mut app: impl App, request: Request<Body>) -> Response {
    match std::future::poll_fn(|cx| app.poll_ready(cx)).await {
        Ok(()) => app.call(request).await.unwrap_or_else(|never| match never {}),
        Err(never) => match never {},
    }
}
