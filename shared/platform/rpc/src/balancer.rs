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

mod availability;
mod endpoint;
mod endpoints;
mod health;
mod load;
mod tuning;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::outgoing::Outgoing;
use crate::resolve::{Address, LastGood, Resolve};
use crate::target::Target;
use endpoint::Endpoint;
use endpoints::Endpoints;

pub use availability::Availability;
pub use health::Outcome;
pub use tuning::Tuning;

/// The endpoints of one neighbour. Cheap to clone; the last clone takes them with it.
pub struct Balancer<T>(Arc<Endpoints<T>>);

impl<T> Clone for Balancer<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
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
        let balancer = Self(Arc::new(Endpoints::none(neighbour, outgoing, Box::new(make))));
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
                let Some(all) = weak.upgrade() else { return };
                let addresses = last_good.addresses();
                let pause = if addresses.is_empty() {
                    Self::RESOLVE_AGAIN
                } else {
                    all.tuning.resolve_every
                };
                all.set(addresses);
                let pause = pause.mul_f64(0.9 + 0.2 * all.clock.fraction());
                drop(all);
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
            all: self.0.clone(),
            endpoint,
            begun: Instant::now(),
            is_probe,
            is_reported: false,
        })
    }

    /// Whether there is one that can be asked now beside this one.
    pub fn has_another(&self, than: SocketAddr) -> bool {
        self.0.has_another(than)
    }

    /// Whether there is one beside this one, be it out at the moment.
    pub fn knows_another(&self, than: SocketAddr) -> bool {
        self.0.knows_another(than)
    }

    /// Whether the neighbour can be asked at all: `false` while its breaker is open or it has no address. A change to
    /// `true` is the moment to catch up on what it missed.
    pub fn availability(&self) -> Availability {
        Availability::of(&self.0.state)
    }
}

/// An endpoint, lent for one call: say how it ended with [`Lease::report`]. It counts as under way until it is dropped.
pub struct Lease<T> {
    all: Arc<Endpoints<T>>,
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
            self.all
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
        self.endpoint.note_given_up(self.begun.elapsed(), &self.all.tuning);
        if self.is_probe {
            self.endpoint.give_probe_back(Instant::now());
        }
    }
}
