//! The gateway: the one door of the shop.
//!
//! A request passes, outermost first: the accept loop and the request context of `platform-runtime` (id, trace, log,
//! panics, one shape for every refusal), then wire hygiene, admission, the limit per address, CORS, the route table made
//! from the services' own documents, body limit, authentication and roles, the limit per account, the idempotency key,
//! what is kept of public answers, and the service behind ([`Upstreams`]). On its way back an answer loses what is internal, is compressed and gets the
//! security headers. The same gateway stands in the monolith, where an upstream is the router of a service; elsewhere it is
//! a [`RemoteUpstream`]: a retry within a budget, the balancer of `platform-rpc`, and connections of its own for each address.
//!
//! Hygiene stands inside the request context, so that what it refuses has a request id and a line in the log.
//!
//! Start reading at [`Gateway::build`], then `front.rs` (before and after everything) and `routing.rs` (who answers, under
//! which policy). To add a step: a file of its own, and a line in one of the two at the place where it belongs. To add a route: nothing here; declare it in its service.

mod admission;
mod app;
mod cache;
mod compression;
mod cors;
mod documents;
mod front;
mod hygiene;
mod jwks;
mod rate_limit;
mod routes;
mod routing;
mod settings;
mod upstream;
mod way_back;

pub use app::{Gateway, GatewayParts};
pub use cors::{Origin, OriginError};
pub use documents::{documents, merged, problems};
pub use front::Front;
pub use jwks::RemoteJwks;
pub use routes::TableError;
pub use settings::GatewaySettings;
pub use upstream::remote::RemoteUpstream;
pub use upstream::{NoService, Service, UpstreamService, Upstreams};
