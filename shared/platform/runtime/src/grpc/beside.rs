//! Which of the two a request is for.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use futures::future::BoxFuture;
use http::{HeaderMap, Method, Request, Version, header};
use tower::{Service, ServiceExt};

use super::Grpc;
use crate::server::App;

/// A gRPC server and an HTTP app on one listener, told apart by content type.
///
/// Two routers rather than one: each has an answer of its own for what it does not have.
#[derive(Clone)]
pub struct Beside<A> {
    grpc: Grpc,
    app: A,
}

impl<A> Beside<A> {
    pub(super) fn new(grpc: Grpc, app: A) -> Self {
        Self { grpc, app }
    }
}

impl<A: App> Service<Request<Body>> for Beside<A> {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if is_grpc(&request) {
            let grpc = self.grpc.clone();
            return Box::pin(async move { Ok(grpc.answer(request).await) });
        }
        Box::pin(self.app.clone().oneshot(request))
    }
}

/// gRPC needs HTTP/2, for its trailers; over HTTP/1.1 its content type is one that no route reads.
fn is_grpc(request: &Request<Body>) -> bool {
    request.version() == Version::HTTP_2 && request.method() == Method::POST && has_grpc_type(request.headers())
}

fn has_grpc_type(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .map_or(&b""[..], |value| value.as_bytes());
    let rest = value.strip_prefix(b"application/grpc");
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_grpc_is_grpc() {
        let is = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            has_grpc_type(&headers)
        };
        assert!(is("application/grpc") && is("application/grpc+proto") && is("application/grpc;charset=utf-8"));
        assert!(!is("application/grpc-web") && !is("application/json") && !is("") && !has_grpc_type(&HeaderMap::new()));
    }
}
