//! How one endpoint is spoken to.

#[cfg(feature = "grpc")]
pub(crate) mod grpc;
#[cfg(feature = "http")]
pub(crate) mod http1;
#[cfg(any(feature = "http", feature = "grpc"))]
mod wire;

use std::future::Future;
use std::time::Duration;

use ::http::{HeaderName, Request};
use bytes::Bytes;

use crate::call::{Answer, BoxError};
use crate::resolve::Address;

/// Speaks to one endpoint: made by the address, so that no pool of connections can favour another.
pub trait Transport: Send + Sync + Sized + 'static {
    /// The header that carries what is left of the caller's time.
    const TIMEOUT_HEADER: HeaderName;

    /// For an address. Nothing is dialled yet.
    fn dial(address: &Address, connect_within: Duration) -> Self;

    /// Sends a request and reads the whole answer. The caller sets the time limit by dropping the future.
    fn send(&self, request: Request<Bytes>) -> impl Future<Output = Result<Answer, SendError>> + Send;

    /// Whether the answer says that this endpoint cannot answer now.
    fn is_unable(answer: &Answer) -> bool;

    /// Whether the answer says that the token proves nothing.
    fn is_unauthenticated(answer: &Answer) -> bool;
}

/// Why an endpoint gave no answer.
#[derive(Debug)]
pub enum SendError {
    /// Nothing was sent.
    NotConnected(BoxError),
    /// Something was, or may have been.
    Broken(BoxError),
}
