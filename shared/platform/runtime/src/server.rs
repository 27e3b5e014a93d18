//! Serves the listeners of a process until it is told to stop.
//!
//! ```no_run
//! use platform_runtime::lifecycle::Lifecycle;
//! use platform_runtime::listener::{Limits, Listener};
//! use platform_runtime::server::Server;
//! # async fn run(public: axum::Router, admin: axum::Router) -> std::io::Result<()> {
//! let lifecycle = Lifecycle::new(std::time::Duration::from_secs(5));
//! lifecycle.stop_on_signals()?;
//! let mut server = Server::new(lifecycle);
//! server.add(Listener::bind("0.0.0.0:8080".parse().unwrap(), Limits::public(true))?, public);
//! server.add(Listener::bind("127.0.0.1:9080".parse().unwrap(), Limits::inner())?, admin);
//! server.run().await;
//! # Ok(())
//! # }
//! ```

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response};
use tower::Service;

use crate::lifecycle::Lifecycle;
use crate::listener::Listener;

/// What a listener hands its requests to: an [`axum::Router`], or layers around one.
pub trait App:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<A> App for A where
    A: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// The listeners of a process.
#[derive(Debug)]
pub struct Server {
    lifecycle: Lifecycle,
}

impl Server {
    /// None yet.
    pub fn new(lifecycle: Lifecycle) -> Self {
        Self { lifecycle }
    }

    /// Starts to serve what comes in at a listener.
    pub fn add(&mut self, listener: Listener, app: impl App) {
        self.lifecycle.spawn(listener.serve(app, self.lifecycle.clone()));
    }

    /// Waits for the end: the drain, then what runs. Answers whether all work ended in time.
    pub async fn run(self) -> bool {
        let ended = self.lifecycle.wind_down().await;
        if !ended {
            tracing::warn!("some requests did not end in time and are cut off");
        }
        ended
    }
}
