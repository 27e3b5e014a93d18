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

/// A connector that dials one address, for hyper-util's client too, so that a pool of connections belongs to one endpoint.
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

    /// A connection, for who keeps connections by himself.
    pub async fn connect(&self) -> io::Result<TokioIo<TcpStream>> {
        let connected = timeout(self.within, TcpStream::connect(self.address)).await;
        let stream = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        stream.set_nodelay(true)?;
        Ok(TokioIo::new(stream))
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
        let dial = self.clone();
        Box::pin(async move { dial.connect().await })
    }
}
