//! Puts the gateway together.

use std::sync::Arc;

use axum::Router;
use platform_clock::Clock;
use platform_events::{Bus, BusError};
use platform_runtime::router::Guard;
use utoipa::openapi::OpenApi;

use crate::admission::Admission;
use crate::cache::PublicCache;
use crate::front::{self, Front};
use crate::rate_limit::RateLimits;
use crate::routes::{RouteTable, TableError};
use crate::routing::{self, Routing};
use crate::{GatewaySettings, Service, Upstreams, cors};

/// What a gateway is made of.
pub struct GatewayParts {
    /// What an operator has set.
    pub settings: GatewaySettings,
    /// What the services offer; see [`documents`](crate::documents()).
    pub documents: Vec<(Service, OpenApi)>,
    /// Who answers.
    pub upstreams: Arc<Upstreams>,
    /// Who is let in.
    pub guard: Guard,
    /// The time, for limits.
    pub clock: Arc<dyn Clock>,
    /// What the gateway answers itself: health and documentation.
    pub own: Router,
}

/// The gateway, ready to be served.
pub struct Gateway {
    /// Answers every request.
    pub router: Front,
    admission: Arc<Admission>,
    cache: PublicCache,
}

impl Gateway {
    /// Makes the route table and puts the steps together. Inside a process that has its telemetry: metrics are registered here.
    pub fn build(parts: GatewayParts) -> Result<Self, TableError> {
        let GatewayParts {
            settings,
            documents,
            upstreams,
            guard,
            clock,
            own,
        } = parts;
        let limits = settings.rate_limits.then(|| Arc::new(RateLimits::new()));
        let cache = PublicCache::new(upstreams.clone());
        let routing = Routing::new(routing::Parts {
            cache: cache.clone(),
            routes: RouteTable::of_documents(&documents)?,
            guard,
            limits: limits.clone(),
            clock: clock.clone(),
            upstreams,
            own,
        });
        let admission = Admission::new();
        let router = Front::new(front::Parts {
            admission: admission.clone(),
            limits,
            clock,
            trusted_hops: settings.trusted_proxy_hops,
            cors: cors::layer(settings.cors_allowed_origins),
            routing,
        });
        Ok(Self {
            router,
            admission,
            cache,
        })
    }

    /// Lets events end what is kept of answers, from now on. Without them it ends by itself, within a second.
    pub async fn follow(&self, bus: &dyn Bus) -> Result<(), BusError> {
        self.cache.follow(bus).await
    }

    /// What has to run beside the gateway, for as long as it is polled.
    pub fn background(&self) -> impl Future<Output = ()> + Send + use<> {
        let admission = self.admission.clone();
        async move { admission.adapt().await }
    }
}
