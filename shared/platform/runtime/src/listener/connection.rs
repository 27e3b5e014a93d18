//! One connection from its first byte to its last.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use platform_clock::{Clock, SystemClock};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Limits, protocol};
use crate::lifecycle::Lifecycle;
use crate::server::App;

/// The other end of the connection a request came by. A request extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// hyper, with the limits of a listener.
pub(super) struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    limits: Limits,
}

/// After its maximum age a connection has this long to end what it carries.
const LAST_ANSWERS: Duration = Duration::from_mins(10);

impl Protocols {
    pub(super) fn new(limits: Limits) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_header_size(limits.head_bytes)
            .max_buf_size(2 * limits.head_bytes);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
            // Rapid reset and its kin (CVE-2023-44487, CVE-2025-8671): few resets, theirs or provoked, end the connection.
            .max_pending_accept_reset_streams(20)
            .max_local_error_reset_streams(100)
            .initial_stream_window_size(64 * 1024)
            .initial_connection_window_size(1024 * 1024)
            .max_send_buf_size(64 * 1024)
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(20));
        Self { http1, http2, limits }
    }
}

/// Serves a connection until either side ends it.
pub(super) async fn serve(
    stream: TcpStream,
    peer: PeerAddr,
    app: impl App,
    protocols: Arc<Protocols>,
    lifecycle: Lifecycle,
) {
    let limits = &protocols.limits;
    let detected = tokio::select! {
        detected = tokio::time::timeout(limits.first_bytes, protocol::detect(stream)) => detected,
        () = lifecycle.closing() => return,
    };
    let Ok(Ok(Some((version, stream)))) = detected else {
        return;
    };
    let activity = Arc::new(Activity::default());
    let service = ConnectionService {
        app,
        peer,
        max_headers: limits.headers,
        activity: activity.clone(),
        lifecycle: lifecycle.clone(),
    };
    let io = TokioIo::new(stream);
    // Boxed, so that an idle connection weighs what its own protocol needs.
    match version {
        protocol::Version::Http1 => {
            let connection = protocols.http1.serve_connection(io, service);
            Box::pin(supervise(connection, limits, None, &lifecycle)).await;
        }
        protocol::Version::Http2 => {
            let connection = protocols.http2.serve_connection(io, service);
            Box::pin(supervise(connection, limits, Some(&activity), &lifecycle)).await;
        }
    }
}

/// Runs a connection; asks it to go when it is old, when the process closes or, if its activity is watched, when it is
/// idle. HTTP/1.1 needs no watch: hyper's header time-out is also its keep-alive time-out.
async fn supervise<C>(connection: C, limits: &Limits, watched: Option<&Activity>, lifecycle: &Lifecycle)
where
    C: GracefulConnection,
{
    let mut connection = pin!(connection);
    let mut closing = pin!(lifecycle.closing());
    let jitter = 0.9 + 0.2 * SystemClock.fraction();
    let mut end = pin!(sleep(limits.max_age.mul_f64(jitter)));
    let mut idle_check = pin!(sleep(limits.idle_h2));
    let mut is_leaving = false;
    loop {
        tokio::select! {
            // How it ended is the client's business; what went wrong in a handler is logged there.
            _ = connection.as_mut() => return,
            () = closing.as_mut(), if !is_leaving => {}
            () = end.as_mut() => {
                if is_leaving {
                    return;
                }
            }
            () = idle_check.as_mut(), if watched.is_some() && !is_leaving => {
                let idle_since = watched.and_then(Activity::idle_since);
                let next = idle_since.unwrap_or_else(Instant::now) + limits.idle_h2;
                if next > Instant::now() {
                    idle_check.set(sleep_until(next));
                    continue;
                }
            }
        }
        is_leaving = true;
        end.set(sleep(LAST_ANSWERS));
        connection.as_mut().graceful_shutdown();
    }
}

/// Whether a connection carries requests, and since when it does not.
#[derive(Debug)]
struct Activity {
    opened: Instant,
    running: AtomicUsize,
    /// Milliseconds from the opening to the end of the last answer.
    last_end: AtomicU64,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            opened: Instant::now(),
            running: AtomicUsize::new(0),
            last_end: AtomicU64::new(0),
        }
    }
}

impl Activity {
    fn idle_since(&self) -> Option<Instant> {
        let is_idle = self.running.load(Ordering::Acquire) == 0;
        is_idle.then(|| self.opened + Duration::from_millis(self.last_end.load(Ordering::Acquire)))
    }
}

/// Counts one request, also one whose client went away.
struct Running(Arc<Activity>);

impl Running {
    fn begin(activity: &Arc<Activity>) -> Self {
        activity.running.fetch_add(1, Ordering::AcqRel);
        Self(activity.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let millis = u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.last_end.store(millis, Ordering::Release);
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Hands the requests of one connection to the app.
#[derive(Clone)]
struct ConnectionService<A> {
    app: A,
    peer: PeerAddr,
    max_headers: usize,
    activity: Arc<Activity>,
    lifecycle: Lifecycle,
}

impl<A: App> hyper::service::Service<Request<Incoming>> for ConnectionService<A> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        if request.headers().len() > self.max_headers {
            // As bare as hyper's own refusal of a head that is too large.
            let mut refusal = Response::new(Body::empty());
            *refusal.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Box::pin(std::future::ready(Ok(refusal)));
        }
        let running = Running::begin(&self.activity);
        let can_close = request.version() < Version::HTTP_2;
        let lifecycle = self.lifecycle.clone();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.peer);
        let answer = self.app.clone().call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            if can_close && lifecycle.is_draining() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            drop(running);
            Ok(response)
        })
    }
}
