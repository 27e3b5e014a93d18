//! Sends a script over a number of connections and times the answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use hdrhistogram::Histogram;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::{Client, EXCHANGE_LIMIT, Target};
use crate::scenario::Script;

/// After so many broken exchanges in a row a connection gives up, and the run with it.
const ERRORS_IN_A_ROW: u32 = 100;

/// How a run is done. It ends at `duration` or `max_requests`, whichever is first, once what is under way was answered.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many connections ask at once; each waits for its answer before it asks again.
    pub connections: usize,
    /// For how long requests are sent.
    pub duration: Duration,
    /// How many are sent at most.
    pub max_requests: u64,
    /// Start one request each so often on each connection, instead of as fast as answers come.
    pub pace: Option<Duration>,
    /// Where the random choices start.
    pub seed: u64,
}

impl Plan {
    /// As fast as answers come, for so many seconds.
    pub fn new(connections: usize, seconds: f64) -> Self {
        let duration = Duration::from_secs_f64(seconds);
        Self {
            connections,
            duration,
            max_requests: 100_000_000,
            pace: None,
            seed: 1,
        }
    }

    /// The same run for `seconds`, with other random choices: what goes before, to warm caches up.
    #[must_use]
    pub fn warm_up(&self, seconds: f64) -> Self {
        Self {
            duration: Duration::from_secs_f64(seconds),
            seed: self.seed ^ 0x5eed,
            ..self.clone()
        }
    }
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Microseconds to the end of each wanted answer.
    pub latencies: Histogram<u64>,
    /// Answers per status.
    pub statuses: BTreeMap<u16, u64>,
    /// Exchanges that broke or took longer than a minute.
    pub errors: u64,
}

impl Outcome {
    /// Of no run yet.
    pub fn empty() -> Self {
        let longest = u64::try_from(EXCHANGE_LIMIT.as_micros()).expect("a minute fits") * 2;
        let latencies = Histogram::new_with_bounds(1, longest, 3).expect("the bounds are in order");
        Self {
            elapsed: Duration::ZERO,
            latencies,
            statuses: BTreeMap::new(),
            errors: 0,
        }
    }

    /// How many wanted answers came.
    pub fn wanted(&self) -> u64 {
        self.latencies.len()
    }

    /// Wanted answers a second.
    pub fn per_second(&self) -> f64 {
        count(self.wanted()) / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// Milliseconds in which this share (0 to 1) of the wanted answers had come.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        count(self.latencies.value_at_quantile(share)) / 1e3
    }

    /// Adds a run that was made after this one.
    pub fn append(&mut self, later: &Self) {
        self.add(later);
        self.elapsed += later.elapsed;
    }

    /// Adds what another connection saw.
    fn add(&mut self, other: &Self) {
        self.latencies.add(&other.latencies).expect("both have the same bounds");
        for (status, times) in &other.statuses {
            *self.statuses.entry(*status).or_default() += times;
        }
        self.errors += other.errors;
    }
}

/// A count as a float, for rates; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts of a bounded run stay far below 2^53")]
pub fn count(number: u64) -> f64 {
    number as f64
}

/// Runs the plan to its end.
pub async fn run(target: &Target, script: &Arc<Script>, plan: &Plan) -> Result<Outcome> {
    let begun = Instant::now();
    let left = Arc::new(AtomicU64::new(plan.max_requests));
    let mut workers = JoinSet::new();
    for nth in 0..plan.connections {
        let worker = Worker {
            nth,
            client: Client::new(target),
            script: Arc::clone(script),
            plan: plan.clone(),
            left: Arc::clone(&left),
        };
        workers.spawn(worker.work(begun));
    }
    let mut outcome = Outcome::empty();
    while let Some(worked) = workers.join_next().await {
        outcome.add(&worked??);
    }
    outcome.elapsed = begun.elapsed();
    Ok(outcome)
}

struct Worker {
    nth: usize,
    client: Client,
    script: Arc<Script>,
    plan: Plan,
    left: Arc<AtomicU64>,
}

impl Worker {
    async fn work(mut self, begun: Instant) -> Result<Outcome> {
        let seed = self
            .plan
            .seed
            .wrapping_mul(10_007)
            .wrapping_add(u64::try_from(self.nth)?);
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut outcome = Outcome::empty();
        let mut statuses = [0_u64; 1000];
        let mut broken_in_a_row = 0;
        let wanted = self.script.scenario().wanted();
        let end = begun + self.plan.duration;
        let mut due = begun;
        for sent in 0.. {
            if Instant::now() >= end || !take_one(&self.left) {
                break;
            }
            let Some(request) = self.script.next(&mut rng, self.nth, sent) else {
                break;
            };
            let started = self.wait_until_due(&mut due).await;
            match self.client.status(request).await {
                Ok(status) => {
                    broken_in_a_row = 0;
                    statuses[usize::from(status.as_u16())] += 1;
                    if status == wanted {
                        outcome
                            .latencies
                            .saturating_record(u64::try_from(started.elapsed().as_micros())?);
                    }
                }
                Err(error) => {
                    broken_in_a_row += 1;
                    outcome.errors += 1;
                    if broken_in_a_row >= ERRORS_IN_A_ROW {
                        bail!("connection {} gave up: {error:#}", self.nth);
                    }
                    sleep(Duration::from_millis(10)).await;
                }
            }
        }
        for (status, times) in (0..).zip(statuses) {
            if times > 0 {
                outcome.statuses.insert(status, times);
            }
        }
        Ok(outcome)
    }

    /// When the exchange began. On a paced connection that is when it was due, where an earlier answer came too late for that: a stall
    /// of the shop is charged to every request that it held up.
    async fn wait_until_due(&self, due: &mut Instant) -> Instant {
        let Some(pace) = self.plan.pace else {
            return Instant::now();
        };
        let mine = *due;
        *due += pace;
        if Instant::now() > mine {
            return mine;
        }
        sleep_until(mine).await;
        Instant::now()
    }
}

fn take_one(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{Response, StatusCode};
    use http_body_util::Full;
    use hyper_util::rt::TokioIo;
    use tokio::net::TcpListener;

    use super::*;
    use crate::scenario::Scenario;
    use crate::shape::Shape;
    use crate::shop::Shop;

    /// A shop that refuses every third request, and closes each connection after five.
    async fn moody_shop() -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target::local(listener.local_addr().unwrap().port());
        let asked = Arc::new(AtomicU64::new(0));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (asked, here) = (Arc::clone(&asked), AtomicU64::new(0));
                let service = hyper::service::service_fn(move |_| {
                    let nth = asked.fetch_add(1, Ordering::Relaxed);
                    let last = here.fetch_add(1, Ordering::Relaxed) == 4;
                    async move {
                        let mut response = Response::new(Full::new(Bytes::from_static(b"{}")));
                        if nth % 3 == 2 {
                            *response.status_mut() = StatusCode::CONFLICT;
                        }
                        if last {
                            response.headers_mut().insert("connection", "close".parse().unwrap());
                        }
                        Ok::<_, std::convert::Infallible>(response)
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        target
    }

    #[tokio::test]
    async fn a_run_counts_every_status_but_times_only_what_was_wanted() {
        let mut shop = Shop::of_products(moody_shop().await, Shape::Stoa, &["a", "b"]);
        let script = Script::new(Scenario::Detail, &mut shop).await.unwrap();
        let plan = Plan {
            max_requests: 30,
            ..Plan::new(3, 60.0)
        };
        let outcome = run(&shop.target, &script, &plan).await.unwrap();
        assert_eq!(outcome.statuses, BTreeMap::from([(200, 20), (409, 10)]));
        assert_eq!((outcome.wanted(), outcome.errors), (20, 0));
    }

    #[tokio::test]
    async fn a_run_ends_when_its_time_is_up() {
        let mut shop = Shop::of_products(moody_shop().await, Shape::Stoa, &["a"]);
        let script = Script::new(Scenario::Detail, &mut shop).await.unwrap();
        let outcome = run(&shop.target, &script, &Plan::new(2, 0.05)).await.unwrap();
        assert!(outcome.wanted() > 0);
        assert!(outcome.elapsed < Duration::from_secs(10), "{:?}", outcome.elapsed);
    }

    #[tokio::test]
    async fn a_shop_that_is_away_fails_the_run() {
        let target = Target::local(crate::bench::process::free_port().unwrap());
        let mut shop = Shop::of_products(target, Shape::Stoa, &["a"]);
        let script = Script::new(Scenario::Detail, &mut shop).await.unwrap();
        assert!(run(&shop.target, &script, &Plan::new(1, 60.0)).await.is_err());
    }

    #[test]
    fn quantiles_of_several_connections_are_those_of_all_their_answers() {
        let mut all = Outcome::empty();
        for connection in 0..10_u64 {
            let mut one = Outcome::empty();
            for nth in 1..=10 {
                one.latencies.record((connection * 10 + nth) * 1000).unwrap();
            }
            one.statuses.insert(200, 10);
            all.add(&one);
        }
        all.elapsed = Duration::from_secs(2);
        assert!((all.quantile_ms(0.5) - 50.0).abs() < 0.5, "{}", all.quantile_ms(0.5));
        assert!((all.quantile_ms(0.99) - 99.0).abs() < 0.5, "{}", all.quantile_ms(0.99));
        assert!((all.per_second() - 50.0).abs() < f64::EPSILON);
        assert_eq!(all.statuses[&200], 100);
    }

    #[test]
    fn an_answer_slower_than_the_scale_is_still_counted() {
        let mut outcome = Outcome::empty();
        outcome.latencies.saturating_record(u64::MAX);
        assert_eq!(outcome.wanted(), 1);
        assert!(outcome.quantile_ms(0.99) >= 120_000.0);
    }

    #[test]
    fn no_more_is_taken_than_there_is() {
        let left = AtomicU64::new(1);
        assert!(take_one(&left));
        assert!(!take_one(&left));
    }
}
