//! How a process reaches its neighbours.
//!
//! A neighbour is held through a [`Switch`]: local, remote or frozen. Who calls it cannot tell which, so a service moves
//! out of the process (or back) without a restart of those who call it. The switched form of each contract stands in that
//! contract's client crate.
//!
//! A remote one is a [`Neighbour`]: [`HttpNeighbour`] (feature `http`) or [`GrpcNeighbour`] (feature `grpc`), made from a
//! [`Target`] (the value of a `.._SERVICE_URL`). Its one method, [`Neighbour::call`], is the whole stack. From the outside in:
//!
//! 1. *Context*: the request's id and trace go along; a client span, where spans are exported.
//! 2. *Deadline*: 2 s unless the [`Call`] says otherwise, or what is left of the request's time if that is less.
//! 3. *Proof*: the token of a [`Credential`], kept fresh by it.
//! 4. *Retry*: one, at another endpoint, within a [`RetryBudget`], and only where it is safe: what was never sent, or what is
//!    [`Repeat::Harmless`]. The first try of the latter has the call's patience (500 ms), and more until somebody else can
//!    be asked and the budget pays for it.
//! 5. *[`Balancer`](balancer::Balancer)*: power of two choices by peak EWMA over the addresses of the target, which are
//!    resolved again every 2 s; slow start, a cap on calls under way, ejection and a breaker for each endpoint.
//! 6. *Transport*: a client per endpoint, dialled by address, so that each has connections of its own; told how much time
//!    is left (`x-request-timeout-ms`, `grpc-timeout`), which each hop makes less.
//!
//! Many small calls of the same kind are made as one by a [`Gather`].
//!
//! `ask` is a call whose answer is wanted as a value; its [`AskError`] tells a refusal from silence.
//!
//! No answer is a [`CallError`], which knows whether the neighbour can have heard of the call. [`Availability`] tells when
//! a neighbour that was away is back.
//!
//! ```no_run
//! # #[cfg(feature = "http")] async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use platform_rpc::{Call, HttpNeighbour, Outgoing, Target};
//! let target: Target = "http://product:8083".parse()?;
//! let neighbour = HttpNeighbour::new("product", &target, &Outgoing::default(), None);
//! let answer = neighbour.call(Call::get("/internal/goods/7")).await?;
//! println!("{} {:?}", answer.status(), answer.into_body().to_bytes());
//! # Ok(()) }
//! ```
//!
//! Metrics, by `neighbour`: `rpc_calls_total` (by `outcome`: `answered`, `not_sent`, `unknown`), `rpc_call_seconds`,
//! `rpc_retries_total`, `rpc_endpoints`, `rpc_endpoints_out`, `rpc_ejections_total`, `rpc_breaks_total`.
//!
//! To add a transport: an implementation of [`Transport`]. What dials by itself, as a proxy does, takes the
//! [`Balancer`](balancer::Balancer), the [`RetryBudget`] and [`Dial`] alone.

mod ask;
pub mod balancer;
mod budget;
mod call;
mod credential;
mod dial;
mod figures;
mod gather;
mod neighbour;
mod outgoing;
mod resolve;
mod switch;
mod target;
mod transport;

pub use ask::AskError;
pub use balancer::Availability;
pub use budget::{Late, RetryBudget};
pub use call::{Answer, BoxError, Call, CallError, NoAnswer, Repeat};
pub use credential::{Credential, IssuedToken, TokenError, TokenIssuer};
pub use dial::Dial;
pub use gather::Gather;
pub use neighbour::Neighbour;
pub use outgoing::Outgoing;
pub use resolve::{Address, Resolve, SystemResolver};
pub use switch::{Place, Switch};
pub use target::{Host, Scheme, Target, TargetError};
#[cfg(feature = "grpc")]
pub use transport::grpc::{Grpc, grpc_request};
#[cfg(feature = "http")]
pub use transport::http1::Http;
pub use transport::{SendError, Transport};

/// A neighbour over HTTP/1.1.
#[cfg(feature = "http")]
pub type HttpNeighbour = Neighbour<Http>;

/// A neighbour over gRPC: what tonic's generated clients take.
#[cfg(feature = "grpc")]
pub type GrpcNeighbour = Neighbour<Grpc>;
