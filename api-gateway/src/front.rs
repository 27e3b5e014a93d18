//! What stands before and after everything else.
//!
//! Wire hygiene, admission, the limit per address and CORS on the way in; compression and security headers on the way
//! out. All answers pass here, those of a panic included.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use futures::future::BoxFuture;
use http_body::Body as _;
use platform_clock::Clock;
use platform_problem::{Problem, codes};
use platform_runtime::context::ClientAddress;
use platform_runtime::listener::PeerAddr;
use tower::{Layer, Service, ServiceExt};
use tower_http::cors::CorsLayer;

use crate::admission::{Admission, Purpose};
use crate::compression::{self, AcceptsGzip};
use crate::rate_limit::{RateLimits, address_key};
use crate::routing::Routing;
use crate::{hygiene, way_back};

/// The outer half of the gateway. Cheap to clone.
#[derive(Clone)]
pub struct Front(Arc<Parts>);

/// What it works with.
pub(crate) struct Parts {
    pub(crate) admission: Arc<Admission>,
    pub(crate) limits: Option<Arc<RateLimits>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) trusted_hops: usize,
    pub(crate) cors: Option<CorsLayer>,
    pub(crate) routing: Routing,
}

impl Service<Request> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let parts = self.0.clone();
        Box::pin(async move {
            let passed = AssertUnwindSafe(parts.pass(request)).catch_unwind().await;
            let answer = passed.unwrap_or_else(|_| {
                // The panic hook has logged what and where.
                Err(Problem::new(&codes::INTERNAL))
            });
            let mut response = answer.unwrap_or_else(IntoResponse::into_response);
            way_back::secure(&mut response);
            Ok(response)
        })
    }
}

impl Front {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Parts {
    async fn pass(&self, mut request: Request) -> Result<Response, Problem> {
        let has_body = !request.body().is_end_stream();
        let (mut parts, body) = request.into_parts();
        // Taken out: further in it is the client's address that counts.
        let peer = parts
            .extensions
            .remove()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |PeerAddr(peer)| peer.ip());
        let client = hygiene::clean(&mut parts, has_body, peer, self.trusted_hops)?;
        parts.extensions.insert(ClientAddress(client));
        let accepts_gzip = AcceptsGzip::take(&mut parts.headers);
        // A process that is busy must not look dead, nor run out of questions.
        let is_probe = parts.uri.path().starts_with("/health");
        let purpose = Purpose::of(&parts.method, parts.uri.path());
        request = Request::from_parts(parts, body);
        if is_probe {
            return Ok(self.answer(request).await);
        }

        let _place = self.admission.enter(purpose).await?;
        let standing = match &self.limits {
            Some(limits) => Some(limits.per_address.check(&address_key(client), self.clock.now())?),
            None => None,
        };
        let mut response = compression::apply(self.answer(request).await, accepts_gzip);
        if let Some(standing) = standing {
            standing.write(response.headers_mut());
        }
        Ok(response)
    }

    async fn answer(&self, request: Request) -> Response {
        let Some(cors) = &self.cors else {
            return self.routing.serve(request).await;
        };
        let Ok(response) = cors.layer(self.routing.clone()).oneshot(request).await;
        response
    }
}
