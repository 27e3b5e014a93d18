//! How much is worked on at once, and who is let in first when it is too much.
//!
//! A limit on requests in flight that follows the process: when its tasks are late the limit sinks, when they are on time
//! it rises again. Browsing may use 70 % of it, signing in 85 %. Checkout has a share of its own beside that, half the
//! limit, for an order may wait two seconds for its payment and must not keep browsers out meanwhile, nor they it; when
//! the share is used up a checkout takes what others leave, all of the limit, and waits up to 2 s: what earns money is
//! refused last. Nothing is spent on a refused request: no crypto, no body.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use metrics::{Counter, Gauge};
use platform_problem::{Problem, codes};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Reading, and running the shop.
    Browse,
    /// Signing in and what else belongs to accounts.
    SignIn,
    /// Placing or cancelling an order.
    Checkout,
}

impl Purpose {
    /// By method and path alone: it must cost nothing.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let is_of_orders = path
            .strip_prefix("/api/orders")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if is_of_orders && *method == Method::POST && path != "/api/orders/quote" {
            Self::Checkout
        } else if path.starts_with("/api/auth/") {
            Self::SignIn
        } else {
            Self::Browse
        }
    }

    /// How many of the places that all share it may take.
    fn share(self, limit: usize) -> usize {
        match self {
            Self::Browse => limit * 70 / 100,
            Self::SignIn => limit * 85 / 100,
            Self::Checkout => limit,
        }
    }
}

/// Lets requests in.
pub(crate) struct Admission {
    limit: AtomicUsize,
    shared: AtomicUsize,
    of_checkout: AtomicUsize,
    left: Notify,
    shed: Counter,
}

/// A place among the requests in flight, given back when dropped.
pub(crate) struct Place<'a> {
    taken: &'a AtomicUsize,
    left: &'a Notify,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::AcqRel);
        self.left.notify_one();
    }
}

impl Admission {
    const MAX: usize = 2048;
    const MIN: usize = 64;
    const CHECKOUT_WAIT: Duration = Duration::from_secs(2);
    const SAMPLE: Duration = Duration::from_millis(20);
    /// A task that waits longer than this for a processor shows that there is more work than can be done.
    const LATE: Duration = Duration::from_millis(150);

    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            limit: AtomicUsize::new(Self::MAX),
            shared: AtomicUsize::default(),
            of_checkout: AtomicUsize::default(),
            left: Notify::default(),
            shed: metrics::counter!("gateway_requests_shed_total"),
        })
    }

    /// A place, or 503. Only a checkout waits for one.
    pub(crate) async fn enter(&self, purpose: Purpose) -> Result<Place<'_>, Problem> {
        if let Some(place) = self.try_enter(purpose) {
            return Ok(place);
        }
        if purpose == Purpose::Checkout
            && let Ok(place) = timeout(Self::CHECKOUT_WAIT, self.wait_for_place()).await
        {
            return Ok(place);
        }
        self.shed.increment(1);
        Err(Problem::new(&codes::UNAVAILABLE)
            .detail("the shop is busy")
            .retry_after(1))
    }

    async fn wait_for_place(&self) -> Place<'_> {
        loop {
            self.left.notified().await;
            if let Some(place) = self.try_enter(Purpose::Checkout) {
                return place;
            }
        }
    }

    fn try_enter(&self, purpose: Purpose) -> Option<Place<'_>> {
        let limit = self.limit.load(Ordering::Relaxed);
        if purpose == Purpose::Checkout
            && let Some(place) = self.take(&self.of_checkout, limit / 2)
        {
            return Some(place);
        }
        self.take(&self.shared, purpose.share(limit))
    }

    fn take<'a>(&'a self, places: &'a AtomicUsize, allowed: usize) -> Option<Place<'a>> {
        let taken = places.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
            (now < allowed).then_some(now + 1)
        });
        taken.ok().map(|_| Place {
            taken: places,
            left: &self.left,
        })
    }

    /// Watches how late tasks run and moves the limit, for as long as it is polled.
    pub(crate) async fn adapt(&self) {
        let limit = metrics::gauge!("gateway_in_flight_limit");
        let in_flight = |of| metrics::gauge!("gateway_in_flight", "of" => of);
        let gauges: [(Gauge, &AtomicUsize); 3] = [
            (limit, &self.limit),
            (in_flight("checkout"), &self.of_checkout),
            (in_flight("shared"), &self.shared),
        ];
        loop {
            let before = Instant::now();
            sleep(Self::SAMPLE).await;
            self.follow(before.elapsed().saturating_sub(Self::SAMPLE));
            for (gauge, count) in &gauges {
                gauge.set(as_f64(count.load(Ordering::Relaxed)));
            }
        }
    }

    fn follow(&self, late_by: Duration) {
        let limit = self.limit.load(Ordering::Relaxed);
        let next = if late_by > Self::LATE {
            limit * 9 / 10
        } else {
            limit + 8
        };
        self.limit.store(next.clamp(Self::MIN, Self::MAX), Ordering::Relaxed);
    }
}

fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(limit: usize) -> Arc<Admission> {
        let admission = Admission::new();
        admission.limit.store(limit, Ordering::Relaxed);
        admission
    }

    fn fill(admission: &Admission, purpose: Purpose) -> Vec<Place<'_>> {
        let mut places = Vec::new();
        while let Some(place) = admission.try_enter(purpose) {
            places.push(place);
        }
        places
    }

    #[test]
    fn browsing_is_refused_before_signing_in_and_that_before_checkout() {
        let admission = full(100);
        let browsing = fill(&admission, Purpose::Browse);
        assert_eq!(browsing.len(), 70);
        let signing_in = fill(&admission, Purpose::SignIn);
        assert_eq!(signing_in.len(), 15);
        let checkouts = fill(&admission, Purpose::Checkout);
        assert_eq!(checkouts.len(), 50 + 15, "a share of its own, then what is left");
        drop((browsing, signing_in, checkouts));
        assert!(admission.try_enter(Purpose::Browse).is_some());
    }

    #[test]
    fn orders_that_wait_do_not_keep_browsers_out() {
        let admission = full(100);
        let mut checkouts: Vec<Place<'_>> = Vec::new();
        for _ in 0..50 {
            checkouts.extend(admission.try_enter(Purpose::Checkout));
        }
        assert_eq!(fill(&admission, Purpose::Browse).len(), 70);
    }

    #[tokio::test(start_paused = true)]
    async fn a_checkout_waits_for_a_place_and_not_for_ever() {
        let admission = full(2);
        let mut places = fill(&admission, Purpose::Checkout);
        let refused = admission.enter(Purpose::Checkout).await.err();
        assert_eq!(refused.map(|problem| problem.status()), Some(503));
        let (waiting, ()) = tokio::join!(admission.enter(Purpose::Checkout), async { drop(places.pop()) });
        assert!(waiting.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_refused_is_told_when_to_come_again() {
        let admission = full(0);
        let refused = admission.enter(Purpose::Browse).await.err().expect("there is no place");
        assert_eq!(refused.code(), "unavailable");
        assert!(refused.headers().any(|(name, _)| name == "retry-after"));
    }

    #[test]
    fn the_limit_follows_how_late_tasks_run() {
        let admission = Admission::new();
        for _ in 0..100 {
            admission.follow(Duration::from_secs(1));
        }
        assert_eq!(admission.limit.load(Ordering::Relaxed), Admission::MIN);
        for _ in 0..1000 {
            admission.follow(Duration::ZERO);
        }
        assert_eq!(admission.limit.load(Ordering::Relaxed), Admission::MAX);
    }

    #[test]
    fn placing_an_order_is_what_earns_money() {
        assert_eq!(Purpose::of(&Method::POST, "/api/orders"), Purpose::Checkout);
        assert_eq!(Purpose::of(&Method::GET, "/api/orders"), Purpose::Browse);
        assert_eq!(Purpose::of(&Method::POST, "/api/orders/1/cancel"), Purpose::Checkout);
        assert_eq!(Purpose::of(&Method::POST, "/api/orders/quote"), Purpose::Browse);
        assert_eq!(Purpose::of(&Method::POST, "/api/orders-of-others"), Purpose::Browse);
        assert_eq!(Purpose::of(&Method::POST, "/api/auth/login"), Purpose::SignIn);
    }
}
