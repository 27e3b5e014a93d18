//! From an outbox to a bus.

use std::sync::Arc;
use std::time::Duration;

use platform_clock::Clock;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::spans::Publishing;
use crate::{Bus, Outbox, Wake};

/// The backlog is counted no further than this.
const BACKLOG_COUNTED: u32 = 10_000;
/// Rows deleted in one step, and steps in one go.
const PURGE_STEP: u32 = 500;
const PURGE_STEPS: u32 = 100;

/// How a relay spends its time.
#[derive(Debug, Clone, Copy)]
pub struct RelayTimings {
    /// Rows read and published at once.
    pub batch: u32,
    /// Pause after a round, in which the next batch gathers.
    pub gather: Duration,
    /// How often it looks without being woken.
    pub look: Duration,
    /// First and longest pause while the bus or the store is away.
    pub back_off: (Duration, Duration),
    /// How long published rows are kept.
    pub keep: Duration,
    /// How often it deletes what was kept long enough.
    pub purge_every: Duration,
    /// How long it goes on draining after it was told to stop.
    pub drain: Duration,
}

impl Default for RelayTimings {
    fn default() -> Self {
        Self {
            batch: 256,
            gather: Duration::from_millis(20),
            look: Duration::from_secs(1),
            back_off: (Duration::from_millis(200), Duration::from_secs(5)),
            keep: Duration::from_hours(7 * 24),
            purge_every: Duration::from_mins(10),
            drain: Duration::from_secs(5),
        }
    }
}

/// Publishes what a service has appended to its outbox: in order, at least once, and never in a writer's way.
pub struct Relay {
    service: String,
    outbox: Arc<dyn Outbox>,
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
    wake: Wake,
    timings: RelayTimings,
}

/// What a look at the outbox came to.
enum Round {
    /// Nothing was there.
    Idle,
    /// Something was published; there may be more.
    Progress { full: bool },
    /// The bus or the store is away.
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl Relay {
    /// A relay of a service's outbox, woken by `wake`.
    pub fn new(
        service: impl Into<String>,
        outbox: Arc<dyn Outbox>,
        bus: Arc<dyn Bus>,
        clock: Arc<dyn Clock>,
        wake: Wake,
    ) -> Self {
        Self {
            service: service.into(),
            outbox,
            bus,
            clock,
            wake,
            timings: RelayTimings::default(),
        }
    }

    /// The same with other timings.
    pub fn with_timings(mut self, timings: RelayTimings) -> Self {
        self.timings = timings;
        self
    }

    /// Runs until told to stop, then drains what can be read and published at once.
    pub async fn run(self, stop: CancellationToken) {
        let mut failures = 0_u32;
        let mut purge_at = Instant::now() + self.timings.purge_every;
        while !stop.is_cancelled() {
            let round = self.round().await;
            self.report(&round, failures).await;
            failures = if matches!(round, Round::Failed(_)) {
                failures + 1
            } else {
                0
            };
            if Instant::now() >= purge_at {
                self.purge().await;
                purge_at = Instant::now() + self.timings.purge_every;
            }
            let pause = self.pause(&round, failures);
            let _ = stop.run_until_cancelled(pause).await;
        }
        let _ = tokio::time::timeout(self.timings.drain, self.drain()).await;
    }

    /// One look: read, publish, mark.
    async fn round(&self) -> Round {
        match self.publish_some().await {
            Ok(round) => round,
            Err(error) => Round::Failed(error),
        }
    }

    async fn publish_some(&self) -> Result<Round, Box<dyn std::error::Error + Send + Sync>> {
        let rows = self.outbox.pending(self.timings.batch).await?;
        if rows.is_empty() {
            return Ok(Round::Idle);
        }
        let (seqs, events): (Vec<i64>, Vec<_>) = rows.into_iter().map(|row| (row.seq, row.event)).unzip();
        let published = Publishing::begin(events);
        let events = published.events();
        let durable = self.bus.publish(events).await?.min(events.len());
        self.outbox.mark_published(&seqs[..durable], self.clock.now()).await?;
        metrics::counter!("outbox_published_total", "service" => self.service.clone()).increment(durable as u64);
        if durable < events.len() {
            return Err("the bus took a part only".into());
        }
        Ok(Round::Progress {
            full: events.len() >= self.timings.batch as usize,
        })
    }

    async fn pause(&self, round: &Round, failures: u32) {
        match round {
            Round::Progress { full: true } => {}
            Round::Progress { full: false } => tokio::time::sleep(self.timings.gather).await,
            Round::Idle => {
                let _ = tokio::time::timeout(self.timings.look, self.wake.woken()).await;
            }
            Round::Failed(_) => {
                let (first, longest) = self.timings.back_off;
                let pause = first
                    .saturating_mul(1 << failures.clamp(1, 16).saturating_sub(1))
                    .min(longest);
                tokio::time::sleep(pause.mul_f64(0.5 + self.clock.fraction() / 2.0)).await;
            }
        }
    }

    async fn drain(&self) {
        while let Round::Progress { .. } = self.round().await {}
    }

    /// Says once that the way is blocked and once that it is free again; keeps the gauge.
    async fn report(&self, round: &Round, failures_before: u32) {
        let gauge = metrics::gauge!("outbox_backlog", "service" => self.service.clone());
        match round {
            Round::Idle => gauge.set(0.0),
            Round::Progress { full: false } => {}
            Round::Progress { full: true } | Round::Failed(_) => {
                if let Ok(backlog) = self.outbox.backlog(BACKLOG_COUNTED).await {
                    gauge.set(f64::from(u32::try_from(backlog).unwrap_or(u32::MAX)));
                }
            }
        }
        match round {
            Round::Failed(error) if failures_before == 0 => {
                tracing::warn!(service = self.service, error = %error, "events wait in the outbox");
            }
            Round::Idle | Round::Progress { .. } if failures_before > 0 => {
                tracing::info!(service = self.service, "events flow again");
            }
            _ => {}
        }
    }

    async fn purge(&self) {
        let before = self.clock.now().minus(self.timings.keep);
        for _ in 0..PURGE_STEPS {
            match self.outbox.purge(before, PURGE_STEP).await {
                Ok(0) => return,
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => {
                    tracing::warn!(service = self.service, error = %error, "published events could not be purged");
                    return;
                }
            }
        }
    }
}
