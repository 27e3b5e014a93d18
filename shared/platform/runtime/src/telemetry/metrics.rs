//! The numbers of the process in Prometheus' text form.

use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use platform_clock::{Clock, SystemClock};

/// Upper bounds in seconds, from a cached read to the longest time-out.
const BUCKETS: [f64; 13] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Renders what the `metrics` macros recorded. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Samples wait in memory until they are sorted into buckets.
    const UPKEEP: Duration = Duration::from_secs(5);

    /// Becomes the recorder of the process; `None` if there is one.
    pub(super) fn start() -> Option<Self> {
        let by_time = Matcher::Suffix("_seconds".to_owned());
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(by_time, &BUCKETS)
            .expect("there are buckets");
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).ok()?;
        metrics::gauge!("process_start_time_seconds").set(as_seconds(SystemClock.now().as_micros()));
        Some(Self(handle))
    }

    /// The text for a scrape.
    pub fn render(&self) -> String {
        if let Some(bytes) = resident_bytes() {
            metrics::gauge!("process_resident_memory_bytes").set(bytes);
        }
        self.0.render()
    }

    /// Sorts samples into their buckets for as long as it is polled.
    pub(super) async fn keep_up(&self) {
        loop {
            tokio::time::sleep(Self::UPKEEP).await;
            self.0.run_upkeep();
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds until the year 2255 fit into a double"
)]
fn as_seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// The memory the process holds, where the kernel tells.
fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0)
}
