//! The stack of a call: deadline, proof, endpoint, try, and perhaps another try.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use platform_context::{RequestContext, deadline, propagate};
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span};

use crate::balancer::{Availability, Balancer, Lease, Outcome, Tuning, Wanted};
use crate::budget::{Late, RetryBudget};
use crate::call::{Answer, Call, CallError, NoAnswer, Repeat};
use crate::credential::Credential;
use crate::figures::Figures;
use crate::outgoing::Outgoing;
use crate::target::Target;
use crate::transport::{SendError, Transport};

/// A neighbour in other processes, spoken to in one way. Cheap to clone.
pub struct Neighbour<T>(Arc<Inner<T>>);

impl<T> Clone for Neighbour<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Inner<T> {
    name: Arc<str>,
    balancer: Balancer<T>,
    budget: RetryBudget,
    credential: Option<Credential>,
    figures: Figures,
}

/// One try at one endpoint.
enum Tried {
    Answered(Answer),
    Unable(Answer),
    Failed(NoAnswer),
    /// It took too long; a retry is taken out of the budget.
    CutShort,
}

impl<T: Transport> Neighbour<T> {
    /// A callee is told to hurry by so much, so that its answer is back in time.
    const HOP: Duration = Duration::from_millis(20);

    /// A neighbour by name (for metrics and errors) and target. With a credential every call proves who asks.
    pub fn new(name: &str, target: &Target, outgoing: &Outgoing, credential: Option<Credential>) -> Self {
        let Tuning { connect, .. } = outgoing.tuning;
        Self(Arc::new(Inner {
            name: name.into(),
            balancer: Balancer::new(name, target, outgoing, move |address| T::dial(address, connect)),
            budget: RetryBudget::default(),
            credential,
            figures: Figures::of(name),
        }))
    }

    /// Whether it can be asked at all, and when that changes.
    pub fn availability(&self) -> Availability {
        self.0.balancer.availability()
    }

    /// Makes a call. Any answer is `Ok`, whatever its status.
    pub async fn call(&self, call: Call) -> Result<Answer, CallError> {
        let begun = Instant::now();
        let span = self.span(&call);
        let outcome = self.make(call, begun).instrument(span).await;
        self.0.figures.note(&outcome, begun.elapsed());
        outcome.map_err(|reason| CallError {
            neighbour: self.0.name.clone(),
            reason,
        })
    }

    /// Only inside a span that is exported: otherwise nobody would see it.
    fn span(&self, call: &Call) -> Span {
        if Span::current().is_none() {
            return Span::none();
        }
        let (method, path) = (call.request.method(), call.request.uri().path());
        tracing::info_span!("call", otel.kind = "client", peer.service = &*self.0.name, http.request.method = %method, url.path = path)
    }

    async fn make(&self, mut call: Call, begun: Instant) -> Result<Answer, NoAnswer> {
        let own = begun + call.timeout;
        let context = RequestContext::current().and_then(|context| context.deadline());
        let deadline = context.map_or(own, |context| context.min(own));
        propagate(call.headers_mut());
        let bearer = self.authorise(&mut call, deadline).await?;
        self.0.budget.call();

        let mut wanted = Wanted {
            not: None,
            may_probe: call.repeat == Repeat::Harmless,
        };
        let mut lease = self.pick(wanted, deadline).await?;
        let address = lease.address().socket;
        let tried = self.try_once(&call, &mut lease, deadline, true).await;
        drop(lease);
        let answer = if Self::may_retry(&call, &tried, deadline) {
            // The last try goes to one that is well, if there is one.
            wanted = Wanted {
                not: Some(address),
                may_probe: false,
            };
            match self.pick(wanted, deadline).await {
                Ok(mut other) if matches!(tried, Tried::CutShort) || self.0.budget.retry() => {
                    self.0.figures.retried();
                    self.try_once(&call, &mut other, deadline, false).await
                }
                _ => tried,
            }
        } else {
            tried
        };
        match answer {
            Tried::Answered(answer) | Tried::Unable(answer) => {
                if let (Some(credential), Some(bearer)) = (&self.0.credential, bearer)
                    && T::is_unauthenticated(&answer)
                {
                    credential.doubt(&bearer);
                }
                Ok(answer)
            }
            Tried::Failed(reason) => Err(reason),
            Tried::CutShort => Err(NoAnswer::TimedOut),
        }
    }

    async fn authorise(&self, call: &mut Call, deadline: Instant) -> Result<Option<HeaderValue>, NoAnswer> {
        let Some(credential) = &self.0.credential else {
            return Ok(None);
        };
        let bearer = timeout_at(deadline, credential.bearer()).await;
        let bearer = bearer.map_err(|_| NoAnswer::NoTime)??;
        call.headers_mut().insert(header::AUTHORIZATION, bearer.clone());
        Ok(Some(bearer))
    }

    async fn pick(&self, wanted: Wanted, deadline: Instant) -> Result<Lease<T>, NoAnswer> {
        let picked = timeout_at(deadline, self.0.balancer.pick(wanted)).await;
        Ok(picked.map_err(|_| NoAnswer::NoTime)??)
    }

    /// One try. The first is cut short after the caller's patience if another can follow.
    async fn try_once(&self, call: &Call, lease: &mut Lease<T>, deadline: Instant, is_first: bool) -> Tried {
        let given = deadline.saturating_duration_since(Instant::now());
        if given.is_zero() {
            return Tried::Failed(NoAnswer::NoTime);
        }
        let request = Self::request(call, given);
        let may_be_cut_short = is_first && call.repeat == Repeat::Harmless;
        let patience = if may_be_cut_short { call.patience } else { Duration::MAX };
        let has_another = || self.0.balancer.has_another(lease.address().socket);
        let sending = lease.service().send(request);
        let sent = self.0.budget.wait(sending, deadline, patience, has_another).await;
        // Who was given too little time has not shown anything by not answering.
        let was_enough = given >= call.patience;
        let (outcome, tried) = match sent {
            Ok(Ok(answer)) if T::is_unable(&answer) => (was_enough.then_some(Outcome::Unable), Tried::Unable(answer)),
            Ok(Ok(answer)) => (Some(Outcome::Answered), Tried::Answered(answer)),
            Ok(Err(SendError::NotConnected(error))) => (
                Some(Outcome::NotConnected),
                Tried::Failed(NoAnswer::NotConnected(error)),
            ),
            Ok(Err(SendError::Broken(error))) => (Some(Outcome::Silent), Tried::Failed(NoAnswer::Broken(error))),
            Err(Late::AtDeadline) => (was_enough.then_some(Outcome::Silent), Tried::Failed(NoAnswer::TimedOut)),
            Err(Late::CutShort) => (Some(Outcome::Silent), Tried::CutShort),
        };
        if let Some(outcome) = outcome {
            lease.report(outcome);
        }
        tried
    }

    /// Each try is told its own time, less the way.
    fn request(call: &Call, given: Duration) -> Request<Bytes> {
        let mut request = call.request.clone();
        let told = given.saturating_sub(Self::HOP).max(given / 2);
        deadline::write_timeout(request.headers_mut(), T::TIMEOUT_HEADER, told);
        request
    }

    /// Only where it is safe, and where there is time.
    fn may_retry(call: &Call, tried: &Tried, deadline: Instant) -> bool {
        let is_safe = match tried {
            Tried::Answered(_) => false,
            Tried::Failed(NoAnswer::NotConnected(_)) => true,
            Tried::Unable(_) | Tried::Failed(_) | Tried::CutShort => call.repeat == Repeat::Harmless,
        };
        is_safe && Instant::now() + Self::HOP < deadline
    }
}
