//! Whether the process lives and may be sent requests.
//!
//! `/health` and `/health/live` say that it runs; `/health/ready` says whether it can do its work, and what is missing.
//! A check is *hard* (without it the process is not ready: its own database, keys never seen) or *informational*
//! (neighbours, the broker: named, for the shop goes on without them).
//!
//! ```
//! use platform_runtime::health::Health;
//! use platform_runtime::lifecycle::Lifecycle;
//! # let lifecycle = Lifecycle::new(std::time::Duration::ZERO);
//! let health = Health::new(lifecycle)
//!     .hard("database", || async { Ok(()) })
//!     .informational("events", || async { Err("no broker".to_owned()) });
//! let routes: platform_runtime::router::ApiRouter = health.routes(); // merge into the ApiRouter of the process
//! ```

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::future::{BoxFuture, join_all};
use platform_problem::{Problem, codes};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::extract::Json;
use crate::lifecycle::Lifecycle;
use crate::policy;
use crate::router::ApiRouter;
use crate::routes;

/// The checks of a process.
#[derive(Clone)]
pub struct Health {
    checks: Vec<Check>,
    lifecycle: Lifecycle,
    last: Arc<Mutex<Option<(Instant, Report)>>>,
}

#[derive(Clone)]
struct Check {
    name: &'static str,
    is_hard: bool,
    run: Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>,
}

/// What the checks found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Report {
    /// `ok` or `unavailable`.
    #[schema(example = "ok")]
    status: &'static str,
    /// `ok`, or what is the matter, for each thing the process works with.
    checks: BTreeMap<&'static str, String>,
}

/// The process runs.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
struct Alive {
    /// `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

impl Health {
    /// A check that takes longer has failed.
    const PATIENCE: Duration = Duration::from_secs(2);

    /// Anybody may ask, so answers are this old at the most instead of asking the database each time.
    const FRESH: Duration = Duration::from_millis(250);

    /// No check yet: ready until it drains.
    pub fn new(lifecycle: Lifecycle) -> Self {
        Self {
            checks: Vec::new(),
            lifecycle,
            last: Arc::default(),
        }
    }

    /// Without this the process is not ready. The text of an error is shown to everybody: it names no host and no table.
    pub fn hard<F, W>(self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> W + Send + Sync + 'static,
        W: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.with(name, true, check)
    }

    /// This is named and no more.
    pub fn informational<F, W>(self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> W + Send + Sync + 'static,
        W: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.with(name, false, check)
    }

    /// The three operations, for the router of the process.
    pub fn routes<S: Clone + Send + Sync + 'static>(self) -> ApiRouter<S> {
        ApiRouter::new()
            .routes(routes!(health))
            .routes(routes!(live))
            .routes(routes!(ready))
            .with_state(self)
    }

    /// What the checks say, and whether the process is ready.
    pub async fn report(&self) -> (Report, bool) {
        let is_ready = |report: &Report| report.status == "ok";
        if self.lifecycle.is_draining() {
            let checks = BTreeMap::from([("process", "stopping".to_owned())]);
            let report = Report {
                status: "unavailable",
                checks,
            };
            return (report, false);
        }
        let mut last = self.last.lock().await;
        if let Some((_, report)) = last.as_ref().filter(|(at, _)| at.elapsed() < Self::FRESH) {
            return (report.clone(), is_ready(report));
        }
        let report = self.run_all().await;
        let ready = is_ready(&report);
        *last = Some((Instant::now(), report.clone()));
        (report, ready)
    }

    pub(crate) fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    async fn run_all(&self) -> Report {
        let running = self.checks.iter().map(async |check| {
            let result = tokio::time::timeout(Self::PATIENCE, (check.run)()).await;
            result.unwrap_or_else(|_| Err("no answer in time".to_owned()))
        });
        let results = join_all(running).await;
        let mut status = "ok";
        let mut checks = BTreeMap::new();
        for (check, result) in self.checks.iter().zip(results) {
            if result.is_err() && check.is_hard {
                status = "unavailable";
            }
            checks.insert(check.name, result.map_or_else(|error| error, |()| "ok".to_owned()));
        }
        Report { status, checks }
    }

    fn with<F, W>(mut self, name: &'static str, is_hard: bool, check: F) -> Self
    where
        F: Fn() -> W + Send + Sync + 'static,
        W: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.checks.push(Check {
            name,
            is_hard,
            run: Arc::new(move || Box::pin(check())),
        });
        self
    }
}

/// The process runs.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, body = Alive)),
    extensions(("x-stoa" = json!(policy::public()))))]
async fn health() -> Json<Alive> {
    Json(Alive { status: "ok" })
}

/// The process runs: restart it if this fails.
#[utoipa::path(get, path = "/health/live", tag = "health", responses((status = 200, body = Alive)),
    extensions(("x-stoa" = json!(policy::public()))))]
async fn live() -> Json<Alive> {
    Json(Alive { status: "ok" })
}

/// The process can do its work: send it no requests while this fails. 503 names what is missing.
#[utoipa::path(get, path = "/health/ready", tag = "health", responses((status = 200, body = Report)),
    extensions(("x-stoa" = json!(policy::public()))))]
async fn ready(State(health): State<Health>) -> Response {
    let (report, is_ready) = health.report().await;
    if is_ready {
        return Json(report).into_response();
    }
    let missing = health.checks.iter().filter(|check| check.is_hard);
    let missing = missing.filter(|check| report.checks.get(check.name).is_some_and(|found| found != "ok"));
    let missing: Vec<&str> = missing.map(|check| check.name).collect();
    let detail = if missing.is_empty() {
        "stopping".to_owned()
    } else {
        format!("missing: {}", missing.join(", "))
    };
    let checks = serde_json::to_value(&report.checks).unwrap_or_default();
    Problem::new(&codes::UNAVAILABLE)
        .detail(detail)
        .with("checks", checks)
        .into_response()
}
