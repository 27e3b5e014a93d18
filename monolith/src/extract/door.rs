//! The listener for services in other processes, for as long as some of them believe that a service is still here.
//!
//! HTTP is passed on to where the service went. gRPC is answered `UNAVAILABLE`, upon which a caller asks the next address it
//! knows: a caller over gRPC is to know both before the service moves, or is restarted afterwards.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use api_gateway::{Service as Name, Upstreams};
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use http::{HeaderValue, header};
use platform_rpc::Place;
use platform_runtime::server::App;
use tower::{Service, ServiceExt};

/// What of this process other processes reach.
#[derive(Clone)]
pub struct ServicesDoor<A> {
    here: A,
    upstreams: Arc<Upstreams>,
}

impl<A> ServicesDoor<A> {
    /// In front of the services that began here.
    pub fn new(here: A, upstreams: Arc<Upstreams>) -> Self {
        Self { here, upstreams }
    }
}

impl<A: App> Service<Request> for ServicesDoor<A> {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let moved = service_of(request.uri().path()).filter(|it| self.upstreams.place(*it) == Place::Remote);
        let Some(service) = moved else {
            return Box::pin(self.here.clone().oneshot(request));
        };
        if request.uri().path().starts_with(GRPC) {
            return Box::pin(async { Ok(has_moved()) });
        }
        let upstreams = self.upstreams.clone();
        Box::pin(async move { Ok(upstreams.call(service, request).await) })
    }
}

/// What the paths of our gRPC services begin with.
const GRPC: &str = "/stoa.";

/// Whose a path is.
fn service_of(path: &str) -> Option<Name> {
    if path == "/.well-known/jwks.json" {
        return Some(Name::Auth);
    }
    if let Some(rest) = path.strip_prefix(GRPC) {
        return match rest.split('.').next()? {
            "auth" => Some(Name::Auth),
            "user" => Some(Name::User),
            "product" => Some(Name::Product),
            "order" => Some(Name::Order),
            _ => None,
        };
    }
    let rest = path.strip_prefix("/api/").or_else(|| path.strip_prefix("/internal/"))?;
    match rest.split('/').next()? {
        "auth" | "token" => Some(Name::Auth),
        "users" => Some(Name::User),
        "products" | "stock" => Some(Name::Product),
        "orders" => Some(Name::Order),
        _ => None,
    }
}

/// A refusal in the form of gRPC: the status stands among the headers, and there is no message.
fn has_moved() -> Response {
    let mut response = Body::empty().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from_static("14"));
    headers.insert("grpc-message", HeaderValue::from_static("the service has moved"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every path of every service, public and between processes, leads to the service that has it.
    #[test]
    fn every_path_is_its_services() {
        let documents = [
            (
                Name::Auth,
                auth_service::app::App::openapi(),
                auth_service::app::App::internal_openapi(),
            ),
            (
                Name::User,
                user_service::app::App::openapi(),
                user_service::app::App::internal_openapi(),
            ),
            (
                Name::Product,
                product_service::App::openapi(),
                product_service::App::internal_openapi(),
            ),
            (
                Name::Order,
                order_service::app::App::openapi(),
                order_service::app::App::internal_openapi(),
            ),
        ];
        for (service, public, internal) in documents {
            let paths = [public.unwrap(), internal.unwrap()]
                .into_iter()
                .flat_map(|it| it.paths.paths.into_keys());
            for path in paths {
                assert_eq!(service_of(&path), Some(service), "{path}");
            }
        }
        assert_eq!(service_of("/stoa.product.v1.Stock/Sell"), Some(Name::Product));
        assert_eq!(service_of("/health/ready"), None);
    }
}
