//! Who answers behind the gateway.

mod payload;
pub(crate) mod remote;

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::Method;
use platform_problem::{Problem, codes};
use platform_rpc::{Place, Switch};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

/// A service behind the gateway: its own router in this process, or a connection to another. It never fails; what goes
/// wrong is a response.
pub type UpstreamService = BoxCloneSyncService<Request<Body>, Response, Infallible>;

/// The four upstreams, each behind a switch, so that a service can be moved while the gateway runs.
pub struct Upstreams {
    /// Answers `/api/auth` and the key set.
    pub auth: Switch<UpstreamService>,
    /// Answers `/api/users`.
    pub user: Switch<UpstreamService>,
    /// Answers `/api/products`.
    pub product: Switch<UpstreamService>,
    /// Answers `/api/orders`.
    pub order: Switch<UpstreamService>,
}

/// One of the four services, for routing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// auth-service
    Auth,
    /// user-service
    User,
    /// product-service
    Product,
    /// order-service
    Order,
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Auth => "auth",
            Self::User => "user",
            Self::Product => "product",
            Self::Order => "order",
        })
    }
}

impl Upstreams {
    /// Where a service is.
    pub(crate) fn place(&self, service: Service) -> Place {
        self.switch(service).place()
    }

    fn switch(&self, service: Service) -> &Switch<UpstreamService> {
        match service {
            Service::Auth => &self.auth,
            Service::User => &self.user,
            Service::Product => &self.product,
            Service::Order => &self.order,
        }
    }

    /// Asks a service. A frozen one answers reads alone.
    pub(crate) async fn call(&self, service: Service, request: Request) -> Response {
        let switch = self.switch(service);
        let only_reads = request.method() == Method::GET || request.method() == Method::HEAD;
        let upstream = if only_reads {
            Some(switch.for_reading())
        } else {
            switch.for_writing()
        };
        let Some(upstream) = upstream else {
            return Problem::new(&codes::UNAVAILABLE)
                .detail("the service is being moved")
                .into_response();
        };
        let Ok(response) = upstream.as_ref().clone().oneshot(request).await;
        response
    }
}
