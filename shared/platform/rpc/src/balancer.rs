//! Which of a neighbour's addresses is asked.
//!
//! [`Balancer`] knows nothing of what stands behind an address: it makes one `T` for each (a client that dials it) and
//! lends it out. Of two endpoints drawn by chance the one that costs less is likelier taken: cost is how long it took
//! lately (peak EWMA) times the calls that wait there. Chance by weight, rather than always the cheaper one, keeps small
//! differences from starving anybody, and lets a new endpoint begin with a small share.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! use platform_rpc::{Outgoing, balancer::{Balancer, Outcome, Wanted}};
//! let target = "http://127.0.0.1:8083".parse().unwrap();
//! // What stands behind an endpoint is up to the caller: here, a line of text.
//! let balancer = Balancer::new("product", &target, &Outgoing::default(), |address| address.socket.to_string());
//! let mut lease = balancer.pick(Wanted::default()).await.unwrap();
//! assert_eq!(lease.service(), "127.0.0.1:8083");
//! lease.report(Outcome::Answered);
//! # }
//! ```

mod endpoint;
mod health;
mod load;
mod tuning;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use metrics::{Counter, Gauge};
use platform_clock::Clock;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::outgoing::Outgoing;
use crate::resolve::{Address, LastGood, Resolve};
use crate::target::Target;
use endpoint::{Endpoint, Standby};
use health::Evidence;

pub use health::Outcome;
pub use tuning::Tuning;

/// The endpoints of one neighbour. Cheap to clone; the last clone takes them with it.
pub struct Balancer<T>(Arc<Inner<T>>);

impl<T> Clone for Balancer<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Inner<T> {
    neighbour: Arc<str>,
    tuning: Tuning,
    clock: Arc<dyn Clock>,
    make: Box<dyn Fn(&Address) -> T + Send + Sync>,
    endpoints: ArcSwap<Vec<Arc<Endpoint<T>>>>,
    /// Held while the set changes or an endpoint is put out, so that "at most half" is counted right.
    changing: Mutex<()>,
    state: watch::Sender<State>,
    ejections: Counter,
    breaks: Counter,
    known: Gauge,
    out: Gauge,
}

/// The neighbour as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    /// Names were asked for once.
    has_asked: bool,
    /// An endpoint is in.
    is_available: bool,
    /// How often that has become true.
    restored: u64,
}

/// What a caller wants of the endpoint it is lent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// Any but this: the one a first try went to.
    pub not: Option<SocketAddr>,
    /// The call may be the one by which a failing endpoint is tried, although others are well: it does no harm to repeat it.
    pub may_probe: bool,
}

/// Why nobody can be asked. Nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoEndpoint {
    /// The names have no address, or none but the unwanted one.
    #[error("no address is known")]
    Unknown,
    /// The breaker is open: none has answered for a while, and it is too early to try again.
    #[error("the breaker is open")]
    Broken,
    /// As many calls are under way as are let through.
    #[error("too many calls are under way")]
    Busy,
}

impl<T: Send + Sync + 'static> Balancer<T> {
    /// How long to wait before a name without an address is asked for again.
    const RESOLVE_AGAIN: Duration = Duration::from_millis(200);

    /// The endpoints of a target. Names are resolved by a task that lives as long as the balancer: call it inside a
    /// runtime unless all hosts are IP literals.
    pub fn new(
        neighbour: &str,
        target: &Target,
        outgoing: &Outgoing,
        make: impl Fn(&Address) -> T + Send + Sync + 'static,
    ) -> Self {
        let neighbour: Arc<str> = neighbour.into();
        let label = || [("neighbour", neighbour.to_string())];
        let balancer = Self(Arc::new(Inner {
            tuning: outgoing.tuning.clone(),
            clock: outgoing.clock.clone(),
            make: Box::new(make),
            endpoints: ArcSwap::default(),
            changing: Mutex::new(()),
            state: watch::Sender::new(State {
                has_asked: false,
                is_available: false,
                restored: 0,
            }),
            ejections: metrics::counter!("rpc_ejections_total", &label()),
            breaks: metrics::counter!("rpc_breaks_total", &label()),
            known: metrics::gauge!("rpc_endpoints", &label()),
            out: metrics::gauge!("rpc_endpoints_out", &label()),
            neighbour: neighbour.clone(),
        }));
        let last_good = LastGood::new(target.clone());
        if last_good.has_names() {
            balancer.follow(last_good, outgoing.resolver.clone());
        } else {
            balancer.0.set(last_good.addresses());
        }
        balancer
    }

    /// Resolves the names for as long as anybody holds the balancer.
    fn follow(&self, mut last_good: LastGood, resolver: Arc<dyn Resolve>) {
        let weak = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            loop {
                last_good.refresh(&*resolver).await;
                let Some(inner) = weak.upgrade() else { return };
                let addresses = last_good.addresses();
                let pause = if addresses.is_empty() {
                    Self::RESOLVE_AGAIN
                } else {
                    inner.tuning.resolve_every
                };
                inner.set(addresses);
                let pause = pause.mul_f64(0.9 + 0.2 * inner.clock.fraction());
                drop(inner);
                sleep(pause).await;
            }
        });
    }

    /// Lends an endpoint for one call. It waits, without end, only until names were asked for the first time.
    pub async fn pick(&self, wanted: Wanted) -> Result<Lease<T>, NoEndpoint> {
        if !self.0.state.borrow().has_asked {
            let mut state = self.0.state.subscribe();
            // The sender lives as long as `self`.
            let _ = state.wait_for(|state| state.has_asked).await;
        }
        self.0.draw(wanted).map(|(endpoint, is_probe)| Lease {
            inner: self.0.clone(),
            endpoint,
            begun: Instant::now(),
            is_probe,
            is_reported: false,
        })
    }

    /// Whether there is one that can be asked now beside this one.
    pub fn has_another(&self, than: SocketAddr) -> bool {
        let endpoints = self.0.endpoints.load();
        let mut others = endpoints.iter().filter(|endpoint| endpoint.address.socket != than);
        others.any(|endpoint| endpoint.is_in())
    }

    /// Whether the neighbour can be asked at all: `false` while its breaker is open or it has no address. A change to
    /// `true` is the moment to catch up on what it missed.
    pub fn availability(&self) -> Availability {
        let state = self.0.state.subscribe();
        let seen = state.borrow().restored;
        Availability { state, seen }
    }
}

/// Whether a neighbour can be asked at all, and when that changes.
#[derive(Debug, Clone)]
pub struct Availability {
    state: watch::Receiver<State>,
    seen: u64,
}

impl Availability {
    /// Whether it can be asked now.
    pub fn is_available(&self) -> bool {
        self.state.borrow().is_available
    }

    /// Waits until it can be asked again after it could not; at once, if that happened since it was last waited for. For
    /// ever, if the balancer is gone.
    pub async fn restored(&mut self) {
        let seen = self.seen;
        match self
            .state
            .wait_for(|state| state.restored != seen)
            .await
            .map(|state| state.restored)
        {
            Ok(restored) => self.seen = restored,
            Err(_) => std::future::pending().await,
        }
    }
}

impl<T> Inner<T> {
    /// Takes a set of addresses; endpoints that stay are kept with all that is known of them.
    fn set(&self, addresses: Vec<Address>) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let before = self.endpoints.load();
        let kept = |address: &Address| before.iter().find(|endpoint| endpoint.address == *address).cloned();
        let endpoints = addresses.into_iter().map(|address| {
            kept(&address).unwrap_or_else(|| {
                tracing::debug!(neighbour = %self.neighbour, address = %address.socket, "new endpoint");
                let service = (self.make)(&address);
                Arc::new(Endpoint::new(address, service, now))
            })
        });
        self.endpoints.store(Arc::new(endpoints.collect()));
        self.publish();
    }

    /// Draws two of those that can be asked and takes one.
    fn draw(&self, wanted: Wanted) -> Result<(Arc<Endpoint<T>>, bool), NoEndpoint> {
        let now = Instant::now();
        let endpoints = self.endpoints.load();
        let mut able: Vec<(&Arc<Endpoint<T>>, f64)> = Vec::with_capacity(endpoints.len());
        let mut to_probe = None;
        let mut refusal = NoEndpoint::Unknown;
        for endpoint in endpoints
            .iter()
            .filter(|endpoint| Some(endpoint.address.socket) != wanted.not)
        {
            match endpoint.standby(now, &self.tuning) {
                Standby::Weighs(weight) => able.push((endpoint, weight)),
                Standby::WantsProbe => to_probe = Some(endpoint),
                Standby::Busy => refusal = NoEndpoint::Busy,
                Standby::Out if refusal == NoEndpoint::Unknown => refusal = NoEndpoint::Broken,
                Standby::Out => {}
            }
        }
        if let Some(endpoint) = to_probe.filter(|_| wanted.may_probe || able.is_empty())
            && endpoint.enter(&self.tuning)
        {
            if endpoint.begin_probe(now) {
                return Ok((endpoint.clone(), true));
            }
            endpoint.leave();
        }
        while !able.is_empty() {
            let at = self.one_of_two(&able);
            let (endpoint, _) = able.swap_remove(at);
            if endpoint.enter(&self.tuning) {
                return Ok((endpoint.clone(), false));
            }
            refusal = NoEndpoint::Busy;
        }
        Err(refusal)
    }

    /// Power of two choices, by weight.
    fn one_of_two(&self, able: &[(&Arc<Endpoint<T>>, f64)]) -> usize {
        if able.len() == 1 {
            return 0;
        }
        let first = self.below(able.len());
        let second = (first + 1 + self.below(able.len() - 1)) % able.len();
        let (one, other) = (able[first].1, able[second].1);
        if self.clock.fraction() * (one + other) < one {
            first
        } else {
            second
        }
    }

    fn below(&self, bound: usize) -> usize {
        let mut bytes = [0_u8; size_of::<usize>()];
        self.clock.fill_random(&mut bytes);
        usize::from_le_bytes(bytes) % bound
    }

    fn note(&self, endpoint: &Endpoint<T>, outcome: Outcome, is_probe: bool, took: Duration) {
        let evidence = endpoint.note(outcome, is_probe, took, &self.tuning);
        if evidence > Evidence::None {
            self.suspect(endpoint, evidence);
        } else if is_probe {
            tracing::info!(neighbour = %self.neighbour, address = %endpoint.address.socket, "endpoint is back");
            let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
            self.publish();
        }
    }

    /// Puts an endpoint out: a silent one in any case, a failing one if at most half are out with it.
    fn suspect(&self, endpoint: &Endpoint<T>, evidence: Evidence) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let endpoints = self.endpoints.load();
        let was_in = endpoint.is_in();
        let out = endpoints.iter().filter(|other| !other.is_in()).count();
        if evidence == Evidence::Failing && (out + 1) * 2 > endpoints.len() {
            return;
        }
        endpoint.put_out(self.clock.fraction(), &self.tuning);
        if was_in {
            tracing::warn!(neighbour = %self.neighbour, address = %endpoint.address.socket, ?evidence, "endpoint is out");
            match evidence {
                Evidence::Silence => self.breaks.increment(1),
                Evidence::Failing | Evidence::None => self.ejections.increment(1),
            }
        }
        self.publish();
    }

    /// Tells what the set has come to. Only while `changing` is held.
    fn publish(&self) {
        let endpoints = self.endpoints.load();
        let out = endpoints.iter().filter(|endpoint| !endpoint.is_in()).count();
        self.known.set(as_f64(endpoints.len()));
        self.out.set(as_f64(out));
        let is_available = out < endpoints.len();
        self.state.send_if_modified(|state| {
            let before = *state;
            state.has_asked = true;
            state.is_available = is_available;
            state.restored += u64::from(is_available && !before.is_available);
            *state != before
        });
    }
}

fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// An endpoint, lent for one call: say how it ended with [`Lease::report`]. It counts as under way until it is dropped.
pub struct Lease<T> {
    inner: Arc<Inner<T>>,
    endpoint: Arc<Endpoint<T>>,
    begun: Instant,
    is_probe: bool,
    is_reported: bool,
}

impl<T> Lease<T> {
    /// What was made for the address.
    pub fn service(&self) -> &T {
        &self.endpoint.service
    }

    /// Which it is.
    pub fn address(&self) -> &Address {
        &self.endpoint.address
    }

    /// How the call ended, once. A lease dropped without it says only that the caller waited so long.
    pub fn report(&mut self, outcome: Outcome) {
        if !self.is_reported {
            self.is_reported = true;
            self.inner
                .note(&self.endpoint, outcome, self.is_probe, self.begun.elapsed());
        }
    }
}

impl<T> Drop for Lease<T> {
    fn drop(&mut self) {
        self.endpoint.leave();
        if self.is_reported {
            return;
        }
        self.endpoint.note_given_up(self.begun.elapsed(), &self.inner.tuning);
        if self.is_probe {
            self.endpoint.give_probe_back(Instant::now());
        }
    }
}
