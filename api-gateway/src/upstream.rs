//! Who answers behind the gateway.

mod connections;
mod payload;
pub(crate) mod remote;

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::Method;
use platform_problem::{Problem, codes};
use platform_rpc::{Place, Switch};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

/// A service behind the gateway: its own router in this process, or a connection to another. It never fails; what goes
/// wrong is a response. What is elsewhere keeps to the deadline of its request, as [`RemoteUpstream`](remote::RemoteUpstream) does.
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

/// A name that is none of the four.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not one of auth, user, product, order")]
pub struct NoService(String);

impl std::str::FromStr for Service {
    type Err = NoService;

    fn from_str(name: &str) -> Result<Self, NoService> {
        let all = [Self::Auth, Self::User, Self::Product, Self::Order];
        let found = all.into_iter().find(|service| service.to_string() == name);
        found.ok_or_else(|| NoService(name.to_owned()))
    }
}

impl Upstreams {
    /// From now on a service is frozen: it answers reads alone. Answers what does.
    pub fn freeze(&self, service: Service) -> Arc<UpstreamService> {
        let here = self.switch(service).for_reading();
        self.turn(service, Place::Frozen, here)
    }

    /// Sends requests to a service elsewhere from now on; answers what they were sent to before.
    pub fn turn(&self, service: Service, place: Place, upstream: Arc<UpstreamService>) -> Arc<UpstreamService> {
        let switch = self.switch(service);
        let before = switch.for_reading();
        switch.turn(place, upstream);
        before
    }

    /// Where a service is.
    pub fn place(&self, service: Service) -> Place {
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
    pub async fn call(&self, service: Service, request: Request) -> Response {
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
