//! Holds a request to the policy of its route.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use http::Method;
use platform_problem::{Problem, codes};
use tokio::time::Instant;
use tower::{Layer, Service};
use utoipa::openapi::path::HttpMethod;

use super::document::to_http;
use super::{Guard, Policy, body_limit};
use crate::context::RequestContext;

/// Wraps the handlers of one path.
#[derive(Clone)]
pub(super) struct EnforceLayer(Arc<Rules>);

/// What holds on one path.
struct Rules {
    template: Arc<str>,
    policies: Vec<(Method, Policy)>,
    guard: Guard,
}

impl EnforceLayer {
    pub(super) fn new(path: &str, policies: &[(HttpMethod, Policy)], guard: &Guard) -> Self {
        let policies = policies
            .iter()
            .map(|(method, policy)| (to_http(method), policy.clone()));
        Self(Arc::new(Rules {
            template: Arc::from(path),
            policies: policies.collect(),
            guard: guard.clone(),
        }))
    }
}

impl<S> Layer<S> for EnforceLayer {
    type Service = Enforce<S>;

    fn layer(&self, inner: S) -> Enforce<S> {
        Enforce {
            rules: self.0.clone(),
            inner,
        }
    }
}

/// The service in front of a handler.
#[derive(Clone)]
pub(super) struct Enforce<S> {
    rules: Arc<Rules>,
    inner: S,
}

impl<S> Service<Request> for Enforce<S>
where
    S: Service<Request, Error = Infallible> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let rules = self.rules.clone();
        let inner = self.inner.clone();
        Box::pin(async move {
            Ok(rules
                .run(request, inner)
                .await
                .unwrap_or_else(IntoResponse::into_response))
        })
    }
}

impl Rules {
    async fn run<S>(&self, request: Request, mut inner: S) -> Result<Response, Problem>
    where
        S: Service<Request, Error = Infallible>,
        S::Response: IntoResponse,
    {
        let (mut parts, body) = request.into_parts();
        let policy = self.policy_of(&parts.method)?;
        let context = self.note(&mut parts, policy);
        body_limit::check_declared(&parts.headers, policy)?;
        self.guard.admit(policy, &mut parts).await?;

        let request = Request::from_parts(parts, body_limit::cut_off(body, policy));
        let answer = context.scope(inner.call(request));
        let deadline = context.deadline().expect("it was narrowed above");
        match tokio::time::timeout_at(deadline, answer).await {
            Ok(answer) => Ok(answer.unwrap_or_else(|never| match never {}).into_response()),
            Err(_) => Err(Problem::new(&codes::GATEWAY_TIMEOUT)),
        }
    }

    /// GET answers HEAD too.
    fn policy_of(&self, method: &Method) -> Result<&Policy, Problem> {
        let find = |wanted: &Method| self.policies.iter().find(|(known, _)| known == wanted);
        let found = find(method).or_else(|| (method == Method::HEAD).then(|| find(&Method::GET)).flatten());
        let (_, policy) = found.ok_or_else(|| Problem::new(&codes::METHOD_NOT_ALLOWED))?;
        Ok(policy)
    }

    /// Puts the route and its deadline into the context, which is made here if no layer in front did.
    fn note(&self, parts: &mut http::request::Parts, policy: &Policy) -> RequestContext {
        let context = parts.extensions.get_or_insert_with(RequestContext::detached);
        context.set_route(&self.template);
        context.narrow_deadline(Instant::now() + policy.timeout());
        context.clone()
    }
}
