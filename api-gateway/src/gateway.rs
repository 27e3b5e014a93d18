//! The way of a request through the gateway.
//!
//! Two steps with the library's CORS layer between them. [`Front`] holds what stands before everything: wire hygiene,
//! admission, the limit per address; and after everything: compression and security headers. [`Core`] routes: policy,
//! authentication, the limit per account, the key, and the service behind.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use platform_clock::Clock;
use platform_identity::VerifiedPrincipal;
use platform_problem::{Problem, codes};
use platform_runtime::context::ClientAddress;
use platform_runtime::extract::IdempotencyKey;
use platform_runtime::listener::PeerAddr;
use platform_runtime::policy::{Cache, Policy};
use platform_runtime::router::Guard;
use tower::ServiceExt;

use crate::admission::{Admission, Purpose};
use crate::rate_limit::{RateLimits, Standing, address_key};
use crate::routes::RouteTable;
use crate::upstream::Upstreams;
use crate::{hygiene, way_back};

/// What stands before and after everything else.
pub(crate) struct Front {
    pub(crate) admission: Arc<Admission>,
    pub(crate) limits: Option<Arc<RateLimits>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) trusted_hops: usize,
    /// The core behind CORS, and the same behind a layer that compresses.
    pub(crate) plain: Router,
    pub(crate) compressed: Router,
}

impl Front {
    /// Answers a request.
    pub(crate) async fn serve(self: Arc<Self>, request: Request) -> Response {
        let mut response = self.pass(request).await.unwrap_or_else(IntoResponse::into_response);
        way_back::secure(&mut response);
        response
    }

    async fn pass(&self, request: Request) -> Result<Response, Problem> {
        let (mut parts, body) = request.into_parts();
        let peer = parts
            .extensions
            .get()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |PeerAddr(peer)| peer.ip());
        let client = hygiene::clean(&mut parts, peer, self.trusted_hops)?;
        parts.extensions.insert(ClientAddress(client));
        let _place = self
            .admission
            .enter(Purpose::of(&parts.method, parts.uri.path()))
            .await?;
        let standing = match &self.limits {
            Some(limits) => Some(limits.per_address.check(&address_key(client), self.clock.now())?),
            None => None,
        };
        let is_compressed = accepts_gzip(&parts.headers);
        let request = Request::from_parts(parts, body);
        let mut response = if is_compressed {
            let Ok(mut response) = self.compressed.clone().oneshot(request).await;
            way_back::weaken_etag(&mut response);
            response
        } else {
            let Ok(response) = self.plain.clone().oneshot(request).await;
            response
        };
        if let Some(standing) = standing {
            standing.write_unless_narrower(response.headers_mut());
        }
        Ok(response)
    }
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let mut lines = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|line| line.to_str().ok());
    lines.any(|line| line.contains("gzip") || line.contains('*'))
}

/// Routes, and holds a request to the policy of its route.
pub(crate) struct Core {
    pub(crate) routes: RouteTable,
    pub(crate) guard: Guard,
    pub(crate) limits: Option<Arc<RateLimits>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) upstreams: Arc<Upstreams>,
    /// What the gateway answers itself: health and documentation.
    pub(crate) own: Router,
}

impl Core {
    /// Answers a request.
    pub(crate) async fn serve(self: Arc<Self>, request: Request) -> Response {
        self.pass(request).await.unwrap_or_else(IntoResponse::into_response)
    }

    async fn pass(&self, request: Request) -> Result<Response, Problem> {
        let Some(route) = self.routes.find(request.uri().path()) else {
            let Ok(response) = self.own.clone().oneshot(request).await;
            return Ok(response);
        };
        let operation = route.operation(request.method())?;
        let (mut parts, body) = request.into_parts();
        check_declared_length(&parts.headers, &operation.policy)?;
        self.guard.admit(&operation.policy, &mut parts).await?;
        let standing = self.count(&parts)?;
        if operation.needs_idempotency_key && IdempotencyKey::find(&parts.headers)?.is_none() {
            return Err(Problem::new(&codes::IDEMPOTENCY_KEY_REQUIRED));
        }
        let cache = if parts.extensions.get::<VerifiedPrincipal>().is_some() {
            Cache::None
        } else {
            operation.policy.cache
        };
        parts.headers.remove(header::COOKIE);

        let request = Request::from_parts(parts, body);
        let mut response = self.upstreams.call(route.service, request).await;
        way_back::remove_internal(&mut response);
        way_back::set_caching(&mut response, cache);
        if let Some(standing) = standing {
            standing.write(response.headers_mut());
        }
        Ok(response)
    }

    /// Counts a request of somebody who is signed in.
    fn count(&self, parts: &http::request::Parts) -> Result<Option<Standing>, Problem> {
        let principal = parts.extensions.get::<VerifiedPrincipal>();
        let user = principal.and_then(|VerifiedPrincipal(principal)| principal.user_id());
        match (&self.limits, user) {
            (Some(limits), Some(user)) => limits.per_user.check(&user, self.clock.now()).map(Some),
            _ => Ok(None),
        }
    }
}

/// Refuses by `Content-Length` before anything is read; a body without one is cut off where it is read.
fn check_declared_length(headers: &HeaderMap, policy: &Policy) -> Result<(), Problem> {
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    let is_too_long = declared.is_some_and(|length| length.parse::<u64>().map_or(true, |n| n > policy.body_limit));
    if is_too_long {
        Err(Problem::new(&codes::PAYLOAD_TOO_LARGE))
    } else {
        Ok(())
    }
}

/// Turns a step into a router, so that layers can be put around it.
pub(crate) fn router_of<F, R>(serve: F) -> Router
where
    F: Fn(Request<Body>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response> + Send + 'static,
{
    Router::new().fallback(move |request: Request| serve(request))
}
