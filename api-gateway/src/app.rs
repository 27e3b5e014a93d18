//! Puts the gateway together.

use std::sync::Arc;

use axum::Router;
use http::Method;
use http::header::{self, HeaderName, HeaderValue};
use platform_clock::Clock;
use platform_problem::ProblemType;
use platform_runtime::router::Guard;
use platform_runtime::settings::{FromSettings, Settings};
use std::time::Duration;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, NotForContentType, Predicate, SizeAbove};
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::openapi::{Info, OpenApi, Paths};

use crate::admission::Admission;
use crate::gateway::{Core, Front, router_of};
use crate::rate_limit::RateLimits;
use crate::routes::{RouteTable, TableError};
use crate::{Service, Upstreams};

/// What an operator can set.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// Web pages of these origins may call the API.
    pub cors_allowed_origins: Vec<HeaderValue>,
    /// How many proxies stand in front of us and are believed.
    pub trusted_proxy_hops: usize,
    /// Whether requests are limited by address and account.
    pub rate_limits: bool,
}

/// What a gateway is made of.
pub struct GatewayParts {
    /// What an operator has set.
    pub settings: GatewaySettings,
    /// What the services offer; see [`documents`].
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
    pub router: Router,
    admission: Arc<Admission>,
}

impl Gateway {
    /// Makes the route table and puts the steps together.
    pub fn build(parts: GatewayParts) -> Result<Self, TableError> {
        let GatewayParts {
            settings,
            documents,
            upstreams,
            guard,
            clock,
            own,
        } = parts;
        let routes = RouteTable::of_documents(&documents)?;
        let limits = settings.rate_limits.then(|| Arc::new(RateLimits::new()));
        let core = Arc::new(Core {
            routes,
            guard,
            limits: limits.clone(),
            clock: clock.clone(),
            upstreams,
            own,
        });
        let mut plain = router_of(move |request| core.clone().serve(request));
        if !settings.cors_allowed_origins.is_empty() {
            plain = plain.layer(cors(settings.cors_allowed_origins));
        }
        let admission = Admission::new();
        let front = Arc::new(Front {
            admission: admission.clone(),
            limits,
            clock,
            trusted_hops: settings.trusted_proxy_hops,
            compressed: plain.clone().layer(compression()),
            plain,
        });
        let router = router_of(move |request| front.clone().serve(request));
        Ok(Self { router, admission })
    }

    /// What has to run beside the gateway, for as long as it is polled.
    pub fn background(&self) -> impl Future<Output = ()> + Send + use<> {
        let admission = self.admission.clone();
        async move { admission.adapt().await }
    }
}

/// Every refusal a client can meet, for the documentation.
pub fn problems() -> Vec<&'static ProblemType> {
    let of_services = [
        auth_api::PROBLEMS,
        user_api::PROBLEMS,
        product_api::PROBLEMS,
        order_api::PROBLEMS,
    ];
    platform_problem::codes::ALL
        .iter()
        .copied()
        .chain(of_services.concat())
        .collect()
}

/// One document over several.
pub fn merged(documents: &[(Service, OpenApi)]) -> OpenApi {
    let about = "A headless commerce backend. Every refusal is problem+json with a stable code.";
    let mut info = Info::new("Stoa", env!("CARGO_PKG_VERSION"));
    info.description = Some(about.to_owned());
    let mut all = OpenApi::new(info, Paths::new());
    for (_, document) in documents {
        all.merge(document.clone());
    }
    all
}

impl FromSettings for GatewaySettings {
    fn load(settings: &mut Settings) -> Self {
        Self {
            cors_allowed_origins: settings.list(
                "CORS_ALLOWED_ORIGINS",
                "origins whose web pages may call the API, comma-separated, such as https://shop.example",
            ),
            trusted_proxy_hops: settings.get("TRUSTED_PROXY_HOPS", "0", "how many proxies in front to believe"),
            rate_limits: settings.flag("RATE_LIMITS", "on", "limits by address and account; off for load tests"),
        }
    }
}

/// The documents that the services have checked in under their contracts.
pub fn documents() -> Result<Vec<(Service, OpenApi)>, TableError> {
    let texts = [
        (Service::Auth, auth_api::OPENAPI),
        (Service::User, user_api::OPENAPI),
        (Service::Product, product_api::OPENAPI),
        (Service::Order, order_api::OPENAPI),
    ];
    let read = |(service, text)| match serde_json::from_str(text) {
        Ok(document) => Ok((service, document)),
        Err(error) => Err(TableError::Unreadable(service, error)),
    };
    texts.into_iter().map(read).collect()
}

fn cors(origins: Vec<HeaderValue>) -> CorsLayer {
    let idempotency_key = HeaderName::from_static("idempotency-key");
    let request_id = HeaderName::from_static("x-request-id");
    let limits = ["ratelimit", "ratelimit-policy", "idempotent-replayed"].map(HeaderName::from_static);
    let exposed = [header::ETAG, header::LOCATION, header::RETRY_AFTER, request_id.clone()];
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            idempotency_key,
            request_id,
        ])
        .expose_headers(exposed.into_iter().chain(limits).collect::<Vec<_>>())
        .max_age(Duration::from_mins(10))
}

/// Answers above 1 KiB, less what is compressed already.
fn compression() -> CompressionLayer<And<SizeAbove, NotForContentType>> {
    CompressionLayer::new().compress_when(SizeAbove::new(1024).and(NotForContentType::IMAGES))
}
