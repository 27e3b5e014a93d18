//! A service in other processes: which of them is asked, and whether another is asked after it.
//!
//! Retries stand outside the balancer, so that each try picks anew. A client of its own stands behind each address, so
//! that no pool of connections can favour another.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, Version, header};
use platform_context::{RequestContext, deadline, propagate};
use platform_problem::{Problem, codes};
use platform_rpc::balancer::{Balancer, Lease, Outcome, Wanted};
use platform_rpc::{Dial, Late, Outgoing, RetryBudget, Target};
use tokio::time::{Instant, timeout_at};
use tower::Service;

use super::connections::{Connections, SendError};
use super::payload::{LentBody, Payload, Upload};

/// Whether a request may be sent to a second endpoint after a first. A request extension; without it only what was never
/// sent may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Repeat {
    /// What was never sent.
    #[default]
    OnlyUnsent,
    /// It carries a key by which the service knows it again. It may take its time, for a payment may be part of it.
    Keyed,
    /// It changes nothing: nobody minds if it is done twice at once.
    Harmless,
}

/// A service behind one or more addresses. Cheap to clone.
#[derive(Clone)]
pub struct RemoteUpstream(Arc<Inner>);

struct Inner {
    balancer: Balancer<Endpoint>,
    budget: RetryBudget,
}

/// One of the addresses.
struct Endpoint {
    connections: Connections,
    /// The `Host` it is asked by.
    host: HeaderValue,
}

/// What came of one try at one endpoint.
enum Tried {
    Answered(Response),
    /// It says that it cannot answer now.
    Unable(Response),
    NeverSent(Problem),
    /// Nobody knows what it did.
    Unknown(Problem),
    /// It took too long; a retry is taken out of the budget.
    CutShort,
    /// The client broke its own request off; no endpoint is to blame.
    ClientsFault(Problem),
}

impl RemoteUpstream {
    /// How long an endpoint may take over a harmless request before another is asked, if one can be.
    const PATIENCE: Duration = Duration::from_millis(500);
    /// The service is told to hurry by so much, so that its answer is back in time.
    const HOP: Duration = Duration::from_millis(20);
    /// Where no layer in front has set a deadline.
    const USUAL_TIMEOUT: Duration = Duration::from_secs(10);

    /// A service by name (for metrics) and target. `grpc://` names the same listener, which speaks HTTP too. Inside a
    /// runtime: names are resolved by a task.
    pub fn new(name: &str, target: &Target, outgoing: &Outgoing) -> Self {
        let connect = outgoing.tuning.connect;
        let balancer = Balancer::new(name, target, outgoing, move |address| Endpoint {
            connections: Connections::new(Dial::new(address.socket, connect)),
            host: HeaderValue::from_str(address.authority.as_str()).expect("an authority is visible ASCII"),
        });
        let budget = RetryBudget::default();
        Self(Arc::new(Inner { balancer, budget }))
    }

    async fn answer(&self, request: Request) -> Result<Response, Problem> {
        let (mut parts, body) = request.into_parts();
        let context = parts
            .extensions
            .get::<RequestContext>()
            .and_then(RequestContext::deadline);
        let until = context.unwrap_or_else(|| Instant::now() + Self::USUAL_TIMEOUT);
        let repeat: Repeat = parts.extensions.get().copied().unwrap_or_default();
        propagate(&mut parts.headers);
        // Made anew from the body, so that no length stands beside a chunked one.
        parts.headers.remove(header::CONTENT_LENGTH);
        let mut payload = Payload::of(body, until).await?;

        let Inner { balancer, budget } = &*self.0;
        budget.call();
        let mut wanted = Wanted {
            not: None,
            may_probe: repeat == Repeat::Harmless,
        };
        let lease = self.pick(wanted, until).await?;
        let first = lease.address().socket;
        let may_be_sent_again = payload.can_be_sent_again() && balancer.knows_another(first);
        let patience = if repeat == Repeat::Harmless && may_be_sent_again {
            Self::PATIENCE
        } else {
            Duration::MAX
        };
        let headers = if may_be_sent_again {
            parts.headers.clone()
        } else {
            std::mem::take(&mut parts.headers)
        };
        let mut tried = self
            .try_once(&parts, headers, &mut payload, lease, until, patience)
            .await;

        let is_safe = match &tried {
            Tried::Answered(_) | Tried::ClientsFault(_) => false,
            Tried::NeverSent(_) => true,
            Tried::Unable(_) | Tried::Unknown(_) | Tried::CutShort => repeat != Repeat::OnlyUnsent,
        };
        if is_safe && may_be_sent_again && Instant::now() + Self::HOP < until {
            wanted.not = Some(first);
            if let Ok(other) = self.pick(wanted, until).await
                && (matches!(tried, Tried::CutShort) || budget.retry())
            {
                let headers = std::mem::take(&mut parts.headers);
                tried = self
                    .try_once(&parts, headers, &mut payload, other, until, Duration::MAX)
                    .await;
            }
        }
        match tried {
            Tried::Answered(response) | Tried::Unable(response) => Ok(response),
            Tried::NeverSent(problem) | Tried::Unknown(problem) | Tried::ClientsFault(problem) => Err(problem),
            Tried::CutShort => Err(Problem::new(&codes::GATEWAY_TIMEOUT)),
        }
    }

    async fn pick(&self, wanted: Wanted, until: Instant) -> Result<Lease<Endpoint>, Problem> {
        match timeout_at(until, self.0.balancer.pick(wanted)).await {
            Ok(Ok(lease)) => Ok(lease),
            Ok(Err(_)) | Err(_) => Err(away()),
        }
    }

    async fn try_once(
        &self,
        parts: &Parts,
        headers: HeaderMap,
        payload: &mut Payload,
        mut lease: Lease<Endpoint>,
        until: Instant,
        patience: Duration,
    ) -> Tried {
        let given = until.saturating_duration_since(Instant::now());
        let (body, upload) = payload.lend();
        let endpoint = lease.service();
        let request = request_of(parts, headers, &endpoint.host, body, given);
        let has_another = || self.0.balancer.has_another(lease.address().socket);
        let sending = endpoint.connections.send(request);
        let sent = self.0.budget.wait(sending, until, patience, has_another).await;
        // Who was given too little time has not shown anything by not answering.
        let was_enough = given >= Self::PATIENCE;
        match sent {
            Ok(Ok(response)) => {
                let unable = [
                    StatusCode::BAD_GATEWAY,
                    StatusCode::SERVICE_UNAVAILABLE,
                    StatusCode::GATEWAY_TIMEOUT,
                ];
                let is_unable = unable.contains(&response.status());
                if !is_unable {
                    lease.report(Outcome::Answered);
                } else if was_enough {
                    lease.report(Outcome::Unable);
                }
                let response = response.map(|body| Body::new(LentBody::new(body, lease)));
                if is_unable {
                    Tried::Unable(response)
                } else {
                    Tried::Answered(response)
                }
            }
            Ok(Err(error)) => {
                if let Some(fault) = upload.as_deref().and_then(Upload::fault) {
                    return Tried::ClientsFault(fault);
                }
                match error {
                    SendError::NotConnected => {
                        lease.report(Outcome::NotConnected);
                        Tried::NeverSent(away())
                    }
                    SendError::Broken => {
                        lease.report(Outcome::Silent);
                        Tried::Unknown(Problem::new(&codes::BAD_GATEWAY))
                    }
                }
            }
            Err(_) if upload.as_deref().is_some_and(|upload| !upload.is_complete()) => {
                Tried::ClientsFault(Problem::new(&codes::REQUEST_TIMEOUT))
            }
            Err(late) => {
                if was_enough {
                    lease.report(Outcome::Silent);
                }
                match late {
                    Late::AtDeadline => Tried::Unknown(Problem::new(&codes::GATEWAY_TIMEOUT)),
                    Late::CutShort => Tried::CutShort,
                }
            }
        }
    }
}

impl Service<Request> for RemoteUpstream {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let upstream = self.clone();
        Box::pin(async move {
            Ok(upstream
                .answer(request)
                .await
                .unwrap_or_else(IntoResponse::into_response))
        })
    }
}

fn away() -> Problem {
    Problem::new(&codes::UNAVAILABLE).detail("a part of the shop is away")
}

/// The path as it was checked, and nothing else of the client's address.
fn request_of(parts: &Parts, headers: HeaderMap, host: &HeaderValue, body: Body, given: Duration) -> Request {
    let root = || PathAndQuery::from_static("/");
    let path = parts.uri.path_and_query().cloned().unwrap_or_else(root);
    let mut request = Request::new(body);
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = Uri::from(path);
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = headers;
    let told = given.saturating_sub(RemoteUpstream::HOP).max(given / 2);
    deadline::write_timeout(request.headers_mut(), deadline::TIMEOUT_MS, told);
    request.headers_mut().insert(header::HOST, host.clone());
    request
}
