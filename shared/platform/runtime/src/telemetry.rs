//! What operators see: logs, metrics and traces.
//!
//! Logs go to stderr, one JSON object a line (`LOG_FORMAT=json`, the default when it is no terminal) or one readable line
//! (`pretty`); every line that is written for a request names it. Metrics are the `metrics` crate's, rendered by the admin
//! listener. Traces are exported over OTLP if `OTEL_EXPORTER_OTLP_ENDPOINT` is set; otherwise a request pays nothing for them.

mod format;
pub mod http_metrics;
mod metrics;
mod output;
mod traces;

use std::io::IsTerminal;
use std::str::FromStr;
use std::time::Duration;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use crate::settings::{FromSettings, Settings};
use format::LineFormat;
use output::Output;

pub use metrics::Metrics;
pub use traces::request_span;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err("json and pretty are known"),
        }
    }
}

/// What is logged and where traces go.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    format: LogFormat,
    filter: String,
    otlp_endpoint: Option<String>,
}

impl FromSettings for TelemetryConfig {
    fn load(settings: &mut Settings) -> Self {
        let usual = if std::io::stderr().is_terminal() {
            "pretty"
        } else {
            "json"
        };
        let filter: String = settings.get(
            "RUST_LOG",
            "info,sqlx=warn,async_nats=off",
            "what is logged, by target and level",
        );
        if let Err(error) = EnvFilter::try_new(&filter) {
            settings.invalid("RUST_LOG", error);
        }
        Self {
            format: settings.get("LOG_FORMAT", usual, "json or pretty"),
            filter,
            otlp_endpoint: settings.optional("OTEL_EXPORTER_OTLP_ENDPOINT", "where traces go, over gRPC"),
        }
    }
}

/// Telemetry cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The exporter does not take its endpoint.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT cannot be used")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// It was set up before.
    #[error("telemetry is set up already")]
    Twice,
}

/// Logs, metrics and traces of this process. Keep it until the end, then [`Telemetry::shutdown`].
pub struct Telemetry {
    metrics: Metrics,
    output: Output,
    tracer: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
    upkeep: tokio::task::JoinHandle<()>,
}

impl Telemetry {
    /// How long the last spans may take to be sent.
    const FLUSH: Duration = Duration::from_secs(3);

    /// Sets up telemetry for the whole process; once, inside a runtime.
    pub fn start(config: &TelemetryConfig, process: &'static str) -> Result<Self, TelemetryError> {
        let output = Output::start(config.format == LogFormat::Json);
        let filter = EnvFilter::try_new(&config.filter).unwrap_or_else(|_| EnvFilter::new("info"));
        let lines = fmt::layer()
            .event_format(LineFormat(config.format))
            .with_writer(output.clone());
        let lines = lines.with_filter(filter);
        let tracer = config
            .otlp_endpoint
            .as_deref()
            .map(|endpoint| traces::provider(endpoint, process));
        let tracer = tracer.transpose()?;
        // Without an exporter the subscriber has no such layer, and no span is made: see `request_span`.
        let subscriber = Registry::default().with(lines).with(
            tracer
                .as_ref()
                .map(|tracer| traces::layer(tracer).with_filter(LevelFilter::INFO)),
        );
        tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::Twice)?;
        let metrics = Metrics::start().ok_or(TelemetryError::Twice)?;
        log_panics(output.clone());
        let upkeep = metrics.clone();
        Ok(Self {
            upkeep: tokio::spawn(async move { upkeep.keep_up().await }),
            metrics,
            output,
            tracer,
        })
    }

    /// The metrics, for the admin listener.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Sends what is left and writes the last lines.
    pub async fn shutdown(self) {
        self.upkeep.abort();
        if let Some(tracer) = self.tracer {
            let flushing = tokio::task::spawn_blocking(move || tracer.shutdown_with_timeout(Self::FLUSH));
            if !matches!(tokio::time::timeout(2 * Self::FLUSH, flushing).await, Ok(Ok(Ok(())))) {
                tracing::warn!("the last spans were not exported");
            }
        }
        self.output.flush();
    }
}

/// A panic is one line of the log like any other; its text stays on our side.
fn log_panics(output: Output) {
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = panic.payload_as_str().unwrap_or("no text");
        tracing::error!(target: "panic", place, "{text}");
        output.flush();
    }));
}
