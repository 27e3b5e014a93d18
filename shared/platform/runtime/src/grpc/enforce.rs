//! Holds a call to what is declared of its method.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use futures::FutureExt;
use http::{HeaderMap, Request, StatusCode};
use platform_problem::grpc::http_status_of;
use platform_problem::{Problem, codes};
use tokio::time::Instant;
use tonic::{Code, Status};
use tower::ServiceExt;

use super::{Beside, Method};
use crate::context::RequestContext;

/// The services of a process, ready to be called. Cheap to clone.
#[derive(Clone)]
pub struct Grpc {
    methods: Arc<HashMap<String, Arc<Method>>>,
}

impl Grpc {
    pub(super) fn new(methods: HashMap<String, Arc<Method>>) -> Self {
        Self {
            methods: Arc::new(methods),
        }
    }

    /// Puts an HTTP app beside it: what is gRPC by its content type is answered here, all else there.
    pub fn beside<A>(self, app: A) -> Beside<A> {
        Beside::new(self, app)
    }

    /// The paths that are served, such as `/grpc.health.v1.Health/Check`, sorted.
    pub fn paths(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = self.methods.keys().map(String::as_str).collect();
        paths.sort_unstable();
        paths
    }

    pub(super) async fn answer(&self, request: Request<Body>) -> Response {
        let answered = match self.methods.get(request.uri().path()) {
            Some(method) => method.run(request).await,
            None => Err(Status::unimplemented("there is no such method")),
        };
        answered.unwrap_or_else(Status::into_http)
    }
}

impl Method {
    async fn run(&self, request: Request<Body>) -> Result<Response, Status> {
        let (mut parts, body) = request.into_parts();
        let context = parts.extensions.get_or_insert_with(RequestContext::detached);
        context.set_route(&self.template);
        context.narrow_deadline(Instant::now() + self.policy.timeout());
        let context = context.clone();
        self.guard.admit(&self.policy, &mut parts).await?;

        let call = self.server.clone().oneshot(Request::from_parts(parts, body));
        let answer = AssertUnwindSafe(context.scope(call)).catch_unwind();
        let deadline = context.deadline().expect("it was narrowed above");
        match tokio::time::timeout_at(deadline, answer).await {
            Ok(Ok(answer)) => Ok(answer.unwrap_or_else(|never| match never {}).map(Body::new)),
            Ok(Err(_)) => {
                // The panic hook has logged what and where.
                tracing::error!("a method panicked");
                Err(Problem::new(&codes::INTERNAL).into())
            }
            Err(_) => Err(Problem::new(&codes::GATEWAY_TIMEOUT).into()),
        }
    }
}

/// What an answer comes to, in terms of HTTP: gRPC says 200 and tells the truth in another header. A stream that fails later
/// is not seen here.
pub(crate) fn status_of(status: StatusCode, headers: &HeaderMap) -> StatusCode {
    match headers.get(Status::GRPC_STATUS) {
        Some(code) => StatusCode::from_u16(http_status_of(Code::from_bytes(code.as_bytes()))).unwrap_or(status),
        None => status,
    }
}
