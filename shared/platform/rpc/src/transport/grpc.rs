//! gRPC: HTTP/2 without TLS by hyper-util, one connection an endpoint.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use platform_context::deadline;
use tonic::{Code, Status};

use super::{SendError, Transport, wire};
use crate::call::{Answer, Call, CallError, NoAnswer, Repeat};
use crate::dial::Dial;
use crate::neighbour::Neighbour;
use crate::resolve::Address;

/// One endpoint over HTTP/2.
pub struct Grpc {
    client: Client<Dial, Full<Bytes>>,
    address: Address,
}

/// A connection that does not answer a ping in time is given up with all that waits on it.
const PING_EVERY: Duration = Duration::from_secs(5);
const PING_WITHIN: Duration = Duration::from_secs(2);
/// Shorter than our servers keep a connection without a stream.
const POOL_IDLE: Duration = Duration::from_secs(45);

impl Transport for Grpc {
    const TIMEOUT_HEADER: HeaderName = deadline::GRPC_TIMEOUT;

    fn dial(address: &Address, connect_within: Duration) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .http2_only(true)
            .http2_keep_alive_interval(PING_EVERY)
            .http2_keep_alive_timeout(PING_WITHIN)
            .build(Dial::new(address.socket, connect_within));
        Self {
            client,
            address: address.clone(),
        }
    }

    async fn send(&self, mut request: Request<Bytes>) -> Result<Answer, SendError> {
        wire::address(&mut request, &self.address.authority)?;
        *request.version_mut() = Version::HTTP_2;
        let response = self.client.request(request.map(Full::new)).await.map_err(|error| {
            if error.is_connect() {
                SendError::NotConnected(error.into())
            } else {
                SendError::Broken(error.into())
            }
        })?;
        wire::read(response).await
    }

    fn is_unable(answer: &Answer) -> bool {
        match answer.status() {
            StatusCode::OK => [Some(Code::Unavailable), Some(Code::DeadlineExceeded)].contains(&code_of(answer)),
            status => status.is_server_error(),
        }
    }

    fn is_unauthenticated(answer: &Answer) -> bool {
        answer.status() == StatusCode::UNAUTHORIZED || code_of(answer) == Some(Code::Unauthenticated)
    }
}

/// The status of a call: among the headers if that is all there is, else behind the body.
fn code_of(answer: &Answer) -> Option<Code> {
    let find = |headers: &HeaderMap| headers.get("grpc-status").map(|code| Code::from_bytes(code.as_bytes()));
    find(answer.headers()).or_else(|| answer.body().trailers().and_then(find))
}

/// A message to be sent, and whether that may happen twice: `client.get(grpc_request(message, Repeat::Harmless))`.
pub fn grpc_request<M>(message: M, repeat: Repeat) -> tonic::Request<M> {
    let mut request = tonic::Request::new(message);
    request.extensions_mut().insert(repeat);
    request
}

/// What tonic's clients take: `StockClient::new(neighbour)`. For calls of one message each way, whose answers are read
/// whole; a request's `set_timeout` counts as [`Call::within`].
impl tower::Service<Request<tonic::body::Body>> for Neighbour<Grpc> {
    type Response = Response<tonic::body::Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        let neighbour = self.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let repeat = parts.extensions.remove().unwrap_or_default();
            let timeout = deadline::timeout_of(&parts.headers).unwrap_or(Call::TIMEOUT);
            let call = Call::new(Request::from_parts(parts, body))
                .repeat(repeat)
                .within(timeout);
            let answer = neighbour.call(call).await?;
            refuse_plain_http(&answer)?;
            Ok(answer.map(tonic::body::Body::new))
        })
    }
}

/// What is no gRPC comes from somebody in between, or from a server before it came to the call. tonic would read its body
/// as a message. (<https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>)
fn refuse_plain_http(answer: &Answer) -> Result<(), Status> {
    let kind = answer.headers().get(header::CONTENT_TYPE);
    if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
        return Ok(());
    }
    let code = match answer.status().as_u16() {
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502..=504 => Code::Unavailable,
        400 => Code::Internal,
        _ => Code::Unknown,
    };
    Err(Status::new(code, format!("the answer is no gRPC: {}", answer.status())))
}

impl From<CallError> for Status {
    fn from(error: CallError) -> Self {
        let message = error.to_string();
        let mut status = match error.reason() {
            NoAnswer::TimedOut | NoAnswer::NoTime => Self::deadline_exceeded(message),
            _ => Self::unavailable(message),
        };
        status.set_source(std::sync::Arc::new(error));
        status
    }
}
