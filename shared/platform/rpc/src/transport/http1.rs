//! HTTP/1.1 by reqwest.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Request, StatusCode};
use platform_context::deadline;

use super::{SendError, Transport, wire};
use crate::call::Answer;
use crate::resolve::Address;

/// One endpoint over HTTP/1.1.
pub struct Http {
    client: reqwest::Client,
    address: Address,
}

/// Shorter than our servers keep a connection, so that it is never used in the moment in which they close it.
const POOL_IDLE: Duration = Duration::from_secs(15);

impl Transport for Http {
    const TIMEOUT_HEADER: HeaderName = deadline::TIMEOUT_MS;

    fn dial(address: &Address, connect_within: Duration) -> Self {
        let client = reqwest::Client::builder()
            .resolve(address.authority.host(), address.socket)
            .connect_timeout(connect_within)
            .pool_idle_timeout(POOL_IDLE)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            // No TLS here: without this every client would read the certificates of the system, and ask for them.
            .tls_certs_only([]);
        let client = client
            .build()
            .expect("nothing is read from outside, so nothing can be wrong with it");
        Self {
            client,
            address: address.clone(),
        }
    }

    async fn send(&self, mut request: Request<Bytes>) -> Result<Answer, SendError> {
        wire::address(&mut request, &self.address.authority)?;
        let request = reqwest::Request::try_from(request).map_err(|error| SendError::NotConnected(error.into()))?;
        let response = self.client.execute(request).await.map_err(|error| {
            if error.is_connect() {
                SendError::NotConnected(error.into())
            } else {
                SendError::Broken(error.into())
            }
        })?;
        wire::read(http::Response::from(response)).await
    }

    fn is_unable(answer: &Answer) -> bool {
        let unable = [
            StatusCode::BAD_GATEWAY,
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::GATEWAY_TIMEOUT,
        ];
        unable.contains(&answer.status())
    }

    fn is_unauthenticated(answer: &Answer) -> bool {
        answer.status() == StatusCode::UNAUTHORIZED
    }
}
