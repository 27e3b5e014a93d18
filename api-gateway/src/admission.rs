//! How much is worked on at once, and who is let in first when it is too much.
//!
//! A limit on requests in flight that follows the process: when its tasks are late the limit sinks, when they are on time
//! it rises again. Browsing may use 70 % of it, signing in 85 %, placing an order all of it and a wait of up to 2 s: what
//! earns money is refused last. Nothing is spent on a refused request: no crypto, no body.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use platform_problem::{Problem, codes};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Reading.
    Browse,
    /// Signing in and what else belongs to accounts.
    SignIn,
    /// Placing or cancelling an order.
    Checkout,
}

impl Purpose {
    /// By method and path alone: it must cost nothing.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        if path.starts_with("/api/orders") && *method == Method::POST {
            Self::Checkout
        } else if path.starts_with("/api/auth/") {
            Self::SignIn
        } else {
            Self::Browse
        }
    }

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
    in_flight: AtomicUsize,
    limit: AtomicUsize,
    left: Notify,
}

/// A place among the requests in flight, given back when dropped.
pub(crate) struct Place(Arc<Admission>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
        self.0.left.notify_one();
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
            in_flight: AtomicUsize::new(0),
            limit: AtomicUsize::new(Self::MAX),
            left: Notify::new(),
        })
    }

    /// A place, or 503. Only a checkout waits for one.
    pub(crate) async fn enter(self: &Arc<Self>, purpose: Purpose) -> Result<Place, Problem> {
        if let Some(place) = self.try_enter(purpose) {
            return Ok(place);
        }
        if purpose == Purpose::Checkout {
            let waited = timeout(Self::CHECKOUT_WAIT, async {
                loop {
                    self.left.notified().await;
                    if let Some(place) = self.try_enter(purpose) {
                        return place;
                    }
                }
            });
            if let Ok(place) = waited.await {
                return Ok(place);
            }
        }
        metrics::counter!("gateway_requests_shed_total").increment(1);
        Err(Problem::new(&codes::UNAVAILABLE)
            .detail("the shop is busy")
            .retry_after(1))
    }

    fn try_enter(self: &Arc<Self>, purpose: Purpose) -> Option<Place> {
        let allowed = purpose.share(self.limit.load(Ordering::Relaxed));
        let entered = self.in_flight.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
            (now < allowed).then_some(now + 1)
        });
        entered.ok().map(|_| Place(self.clone()))
    }

    /// Watches how late tasks run and moves the limit, for as long as it is polled.
    pub(crate) async fn adapt(&self) {
        loop {
            let before = Instant::now();
            sleep(Self::SAMPLE).await;
            self.follow(before.elapsed().saturating_sub(Self::SAMPLE));
            metrics::gauge!("gateway_in_flight_limit").set(as_f64(self.limit.load(Ordering::Relaxed)));
            metrics::gauge!("gateway_in_flight").set(as_f64(self.in_flight.load(Ordering::Relaxed)));
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

    #[tokio::test]
    async fn browsing_is_refused_before_signing_in_and_that_before_checkout() {
        let admission = full(100);
        let mut places = Vec::new();
        while let Ok(place) = admission.enter(Purpose::Browse).await {
            places.push(place);
        }
        assert_eq!(places.len(), 70);
        while let Ok(place) = admission.enter(Purpose::SignIn).await {
            places.push(place);
        }
        assert_eq!(places.len(), 85);
        for _ in 85..100 {
            places.push(
                admission
                    .enter(Purpose::Checkout)
                    .await
                    .unwrap_or_else(|_| panic!("there is room")),
            );
        }
        drop(places);
        assert_eq!(admission.in_flight.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_checkout_waits_for_a_place_and_not_for_ever() {
        let admission = full(1);
        let place = admission.enter(Purpose::Checkout).await.ok();
        let refused = admission
            .enter(Purpose::Checkout)
            .await
            .err()
            .map(|problem| problem.status());
        assert_eq!(refused, Some(503));
        let (waiting, ()) = tokio::join!(admission.enter(Purpose::Checkout), async { drop(place) });
        assert!(waiting.is_ok());
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
        assert_eq!(Purpose::of(&Method::POST, "/api/auth/login"), Purpose::SignIn);
    }
}
