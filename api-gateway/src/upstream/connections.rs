//! Connections to one endpoint, kept open between requests.
//!
//! HTTP/1.1, one request at a time on each; the one that was used last is taken first, so that those that are not needed grow old.
//! Nothing here tries twice what may have been sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use platform_rpc::Dial;
use tokio::time::Instant;

use super::payload::Watched;

/// Shorter than our inner listeners keep a connection, so that none is used in the moment in which it is closed.
const IDLE: Duration = Duration::from_secs(15);
/// Idle connections kept.
const MOST_IDLE: usize = 64;

/// Connections to one address. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connections(Arc<Inner>);

struct Inner {
    dial: Dial,
    /// The one that was used last at the back.
    idle: Mutex<VecDeque<Idle>>,
}

struct Idle {
    connection: SendRequest<Body>,
    since: Instant,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum SendError {
    /// There is no connection: nothing was sent.
    NotConnected,
    /// It broke, and nobody knows what was done.
    Broken,
}

impl Connections {
    pub(super) fn new(dial: Dial) -> Self {
        let idle = Mutex::default();
        Self(Arc::new(Inner { dial, idle }))
    }

    /// Sends a request, whose URI is the path alone, and answers when the head of the answer is there.
    pub(super) async fn send(
        &self,
        mut request: Request<Body>,
    ) -> Result<Response<impl HttpBody<Data = Bytes, Error = hyper::Error> + Send + Unpin + use<>>, SendError> {
        while let Some(mut connection) = self.0.take() {
            match connection.try_send_request(request).await {
                Ok(response) => return Ok(self.passing(response, connection)),
                // It was closed in this moment: what was not sent comes back.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(SendError::Broken),
                },
            }
        }
        let mut connection = self.0.connect().await?;
        let response = connection.send_request(request).await.map_err(|_| SendError::Broken)?;
        Ok(self.passing(response, connection))
    }

    /// The connection is kept when the body has passed to its end, and closed if it has not.
    fn passing(
        &self,
        response: Response<Incoming>,
        connection: SendRequest<Body>,
    ) -> Response<impl HttpBody<Data = Bytes, Error = hyper::Error> + Send + Unpin + use<>> {
        let (keeper, mut lent) = (self.0.clone(), Some(connection));
        let mut tell = move |end: Result<(), &hyper::Error>| {
            if let (Some(connection), Ok(())) = (lent.take(), end) {
                keeper.clone().give_back(connection);
            }
        };
        if response.body().is_end_stream() {
            tell(Ok(()));
        }
        response.map(|body| Watched::new(body, tell))
    }
}

impl Inner {
    async fn connect(&self) -> Result<SendRequest<Body>, SendError> {
        let stream = self.dial.connect().await.map_err(|_| SendError::NotConnected)?;
        let (connection, driver) = handshake(stream).await.map_err(|_| SendError::NotConnected)?;
        // How it ended is told to whoever waits for an answer.
        tokio::spawn(async { drop(driver.await) });
        Ok(connection)
    }

    fn take(&self) -> Option<SendRequest<Body>> {
        let mut idle = self.idle();
        while let Some(last) = idle.pop_back() {
            if last.since.elapsed() > IDLE {
                // The others are older.
                idle.clear();
                return None;
            }
            if last.connection.is_ready() {
                return Some(last.connection);
            }
        }
        None
    }

    fn give_back(self: Arc<Self>, mut connection: SendRequest<Body>) {
        if connection.is_ready() {
            return self.put(connection);
        }
        // Its task has not noticed the end of the answer, or still sends what it was answered before all of it had come.
        tokio::spawn(async move {
            if connection.ready().await.is_ok() {
                self.put(connection);
            }
        });
    }

    fn put(&self, connection: SendRequest<Body>) {
        let mut idle = self.idle();
        while idle.len() >= MOST_IDLE || idle.front().is_some_and(|first| first.since.elapsed() > IDLE) {
            idle.pop_front();
        }
        let since = Instant::now();
        idle.push_back(Idle { connection, since });
    }

    /// Nothing panics while it is held.
    fn idle(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
