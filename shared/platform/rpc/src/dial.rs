//! Connections by address, whatever the URI says.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::Service;

/// A connector for hyper-util's client that dials one address, so that a pool of connections belongs to one endpoint.
#[derive(Debug, Clone)]
pub struct Dial {
    address: SocketAddr,
    within: Duration,
}

impl Dial {
    /// Dials this address and gives up after a time.
    pub fn new(address: SocketAddr, within: Duration) -> Self {
        Self { address, within }
    }
}

impl Service<Uri> for Dial {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<TokioIo<TcpStream>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let Self { address, within } = *self;
        Box::pin(async move {
            let connected = timeout(within, TcpStream::connect(address)).await;
            let stream = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
            stream.set_nodelay(true)?;
            Ok(TokioIo::new(stream))
        })
    }
}
