//! A server that does with calls what a test tells it to, and remembers them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Full};
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::listener::{Limits, Listener};
use platform_runtime::server::Server;

/// What a replica does with a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Does {
    /// 200, over gRPC an empty message.
    Answer,
    /// This status and nothing else.
    Status(StatusCode),
    /// This gRPC status and nothing else.
    GrpcStatus(u8),
    /// Sends elsewhere.
    Redirect,
    /// An answer of so many bytes.
    Send(usize),
    /// No answer, ever.
    Hang,
}

/// One server in this process, over HTTP/1.1 and HTTP/2.
pub(crate) struct Replica {
    pub(crate) address: SocketAddr,
    does: Arc<Mutex<Does>>,
    seen: Arc<Mutex<Vec<HeaderMap>>>,
}

impl Replica {
    pub(crate) fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap())
    }

    pub(crate) fn start_at(address: SocketAddr) -> Self {
        let does = Arc::new(Mutex::new(Does::Answer));
        let seen = Arc::<Mutex<Vec<HeaderMap>>>::default();
        let (behaviour, notes) = (does.clone(), seen.clone());
        let app = Router::new().fallback(async move |request: Request| {
            let does = *behaviour.lock().unwrap();
            let mut headers = request.headers().clone();
            if let Some(authority) = request.uri().authority() {
                headers.insert(header::HOST, authority.as_str().parse().unwrap());
            }
            let is_grpc = headers
                .get(header::CONTENT_TYPE)
                .is_some_and(|kind| kind == "application/grpc");
            notes.lock().unwrap().push(headers);
            answer(does, is_grpc).await
        });
        let listener = Listener::bind(address, Limits::inner()).unwrap();
        let address = listener.local_addr();
        Server::new(Lifecycle::new(Duration::ZERO)).add(listener, app);
        Self { address, does, seen }
    }

    pub(crate) fn set(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    /// How many calls have come.
    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// The headers of the last call; `host` is the authority in both protocols.
    pub(crate) fn last(&self) -> HeaderMap {
        self.seen.lock().unwrap().last().cloned().unwrap()
    }
}

async fn answer(does: Does, is_grpc: bool) -> Response {
    let of = |status: StatusCode, name: HeaderName, value: &'static str, body: Body| {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response.headers_mut().insert(name, HeaderValue::from_static(value));
        response
    };
    let grpc = |body| of(StatusCode::OK, header::CONTENT_TYPE, "application/grpc", body);
    match does {
        Does::Answer if is_grpc => {
            let ok = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
            let message = Full::new(Bytes::from_static(&[0; 5]));
            grpc(Body::new(message.with_trailers(std::future::ready(Some(Ok(ok))))))
        }
        Does::Answer => of(StatusCode::OK, header::CONTENT_TYPE, "text/plain", Body::from("hello")),
        Does::Status(status) => of(
            status,
            header::CONTENT_TYPE,
            "application/problem+json",
            Body::from("{}"),
        ),
        Does::GrpcStatus(code) => {
            let mut response = grpc(Body::empty());
            response
                .headers_mut()
                .insert("grpc-status", HeaderValue::from(u16::from(code)));
            response
        }
        Does::Redirect => of(StatusCode::FOUND, header::LOCATION, "/elsewhere", Body::empty()),
        Does::Send(bytes) => of(
            StatusCode::OK,
            header::CONTENT_TYPE,
            "text/plain",
            Body::from(vec![0; bytes]),
        ),
        Does::Hang => std::future::pending().await,
    }
}
