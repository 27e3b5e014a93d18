//! Finds who answers, and holds a request to the policy of its route.
//!
//! Authentication, roles, the limit per account, the key that makes a retry safe; then what is kept of public answers, or the
//! service behind, within the deadline and with no more of a body than the route takes.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use http::Method;
use platform_clock::Clock;
use platform_identity::VerifiedPrincipal;
use platform_problem::{Problem, codes};
use platform_rpc::Place;
use platform_runtime::context::RequestContext;
use platform_runtime::extract::IdempotencyKey;
use platform_runtime::policy::Cache;
use platform_runtime::router::{Guard, body_limit};
use tokio::time::{Instant, timeout_at};
use tower::{Service, ServiceExt};

use crate::cache::PublicCache;
use crate::rate_limit::{RateLimits, Standing};
use crate::routes::{Route, RouteTable, RoutedOperation};
use crate::upstream::Upstreams;
use crate::way_back;

/// The inner half of the gateway. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Routing(Arc<Parts>);

/// What it works with.
pub(crate) struct Parts {
    pub(crate) routes: RouteTable,
    pub(crate) guard: Guard,
    pub(crate) limits: Option<Arc<RateLimits>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) cache: PublicCache,
    /// What the gateway answers itself: health and documentation.
    pub(crate) own: Router,
}

/// For the layers in front; without one, [`Routing::serve`] saves the box.
impl Service<Request> for Routing {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let routing = self.clone();
        Box::pin(async move { Ok(routing.serve(request).await) })
    }
}

impl Routing {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Answers a request.
    pub(crate) async fn serve(&self, request: Request) -> Response {
        self.0.pass(request).await.unwrap_or_else(IntoResponse::into_response)
    }
}

impl Parts {
    async fn pass(&self, request: Request) -> Result<Response, Problem> {
        let Some(route) = self.routes.find(request.uri().path()) else {
            let Ok(response) = self.own.clone().oneshot(request).await;
            return Ok(response);
        };
        let (mut parts, body) = request.into_parts();
        let context = parts.extensions.get_or_insert_with(RequestContext::detached);
        context.set_route(&route.template);
        let operation = route.operation(&parts.method)?;
        let deadline = Instant::now() + operation.policy.timeout();
        context.narrow_deadline(deadline);
        body_limit::check_declared(&parts.headers, &operation.policy)?;
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
        parts.extensions.insert(operation.repeat(&parts.method, &parts.headers));

        let body = body_limit::cut_off(body, &operation.policy);
        let place = self.upstreams.place(route.service);
        // Pinned where it is made: it is large.
        let asking = pin!(self.ask(route, operation, place, parts, body, deadline));
        let mut response = match place {
            // It keeps to the deadline itself, and learns from who misses it.
            Place::Remote => asking.await,
            Place::Local | Place::Frozen => {
                let answer = timeout_at(deadline, asking).await;
                answer.map_err(|_| Problem::new(&codes::GATEWAY_TIMEOUT))?
            }
        };
        way_back::remove_internal(&mut response);
        way_back::set_caching(&mut response, cache);
        if let Some(standing) = standing {
            standing.write(response.headers_mut());
        }
        Ok(response)
    }

    /// What the service says, now or a moment ago.
    async fn ask(
        &self,
        route: &Route,
        operation: &RoutedOperation,
        place: Place,
        parts: http::request::Parts,
        body: Body,
        deadline: Instant,
    ) -> Response {
        let is_read = parts.method == Method::GET || parts.method == Method::HEAD;
        let is_elsewhere = place == Place::Remote;
        let _writing = (is_elsewhere && !is_read && route.is_cached).then(|| {
            let is_of_list = parts.method == Method::POST && route.has_public_answers();
            self.cache.writing(parts.uri.path(), is_of_list)
        });
        if is_elsewhere && is_read && operation.policy.cache == Cache::Public && !is_admin(&parts) {
            if let Some(answer) = self.cache.answer(route.service, &parts).await {
                return answer;
            }
            if Instant::now() >= deadline {
                return Problem::new(&codes::GATEWAY_TIMEOUT).into_response();
            }
        }
        let request = Request::from_parts(parts, body);
        self.upstreams.call(route.service, request).await
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

fn is_admin(parts: &http::request::Parts) -> bool {
    let principal = parts.extensions.get::<VerifiedPrincipal>();
    principal.is_some_and(|VerifiedPrincipal(principal)| principal.is_admin())
}
