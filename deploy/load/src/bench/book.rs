//! Everything that was measured, and the report made of it.

use std::collections::BTreeMap;

use super::ceiling::SqliteCeiling;
use super::figures;
use super::logins::LoginStorm;
use super::million::DeepPage;
use crate::measure::Measured;
use crate::report::{median, number, table};
use crate::scenario::Scenario;

/// What is measured.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, clap::ValueEnum)]
pub enum System {
    /// Ours on the embedded engine.
    Sqlite,
    /// Ours on Postgres.
    Postgres,
    /// Ours as five processes on Postgres, over HTTP.
    FiveHttp,
    /// The same over gRPC.
    FiveGrpc,
    /// The peer on its Postgres.
    Peer,
    /// The peer's microservices.
    PeerServices,
}

impl System {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "ours, SQLite",
            Self::Postgres => "ours, Postgres",
            Self::FiveHttp => "ours, five over HTTP",
            Self::FiveGrpc => "ours, five over gRPC",
            Self::Peer => "peer",
            Self::PeerServices => "peer, services",
        }
    }
}

/// Samples, one for each repetition.
#[derive(Debug, Default)]
pub struct Book {
    /// Starts to ready in an empty directory.
    pub start_ms: Vec<f64>,
    /// Memory of the application before any request.
    pub idle_mb: BTreeMap<System, Vec<f64>>,
    /// The most that it held under load without logins.
    pub load_mb: BTreeMap<System, Vec<f64>>,
    /// Runs of a scenario over so many connections.
    pub runs: BTreeMap<(System, Scenario, usize), Vec<Measured>>,
    /// 64 logins at once.
    pub storms: BTreeMap<System, Vec<LoginStorm>>,
    /// What SQLite reaches alone.
    pub sqlite_ceiling: Option<SqliteCeiling>,
    /// What Postgres reaches alone, transactions a second.
    pub postgres_ceiling: Option<f64>,
    /// Page 10,000 against page 1.
    pub deep_pages: BTreeMap<System, Vec<DeepPage>>,
}

impl Book {
    /// Median over the repetitions of one number of a run.
    pub fn run(
        &self,
        system: System,
        scenario: Scenario,
        connections: usize,
        value: impl Fn(&Measured) -> f64,
    ) -> Option<f64> {
        median(self.runs.get(&(system, scenario, connections))?.iter().map(value))
    }

    /// Median over the repetitions of one number of the login storm.
    pub fn storm(&self, system: System, value: impl Fn(&LoginStorm) -> f64) -> Option<f64> {
        median(self.storms.get(&system)?.iter().map(value))
    }

    /// The figures, then every run, then every deep page.
    pub fn report(&self) -> String {
        let figures = figures::table_of(self);
        let mut report = format!("## Figures\n\n{figures}");
        if self.idle_mb.contains_key(&System::FiveHttp) {
            report.push_str("\n## What a topology costs\n\n");
            report.push_str(&self.topologies_table());
        }
        report.push_str("\n## Runs\n\n");
        report.push_str(&self.runs_table());
        if !self.deep_pages.is_empty() {
            report.push_str("\n## Page 10,000 against page 1\n\n");
            report.push_str(&self.deep_pages_table());
        }
        report
    }

    fn runs_table(&self) -> String {
        let head = [
            "system",
            "scenario",
            "connections",
            "done/s",
            "p50 ms",
            "p99 ms",
            "app CPU ms each",
            "db CPU ms each",
            "app MB",
            "other answers",
        ];
        let mut rows = Vec::new();
        for (&(system, scenario, connections), samples) in &self.runs {
            let middle = |value: fn(&Measured) -> Option<f64>| {
                median(samples.iter().filter_map(value)).map_or_else(String::new, number)
            };
            let others: u64 = samples.iter().map(other_answers).sum();
            rows.push(vec![
                system.name().to_owned(),
                scenario.name().to_owned(),
                connections.to_string(),
                middle(|run| Some(run.outcome.per_second())),
                middle(|run| Some(run.outcome.quantile_ms(0.5))),
                middle(|run| Some(run.outcome.quantile_ms(0.99))),
                middle(|run| run.cpu_ms_each("app")),
                middle(|run| run.cpu_ms_each("db")),
                middle(application_mb),
                others.to_string(),
            ]);
        }
        table(&head.map(str::to_owned), &rows)
    }

    /// One process and five, on the same Postgres: what a team pays for taking the shop apart.
    fn topologies_table(&self) -> String {
        let head = [
            "topology",
            "idle MB",
            "detail, kept at the door: CPU ms",
            "detail, not kept: CPU ms",
            "checkout, 1 at once: p50 ms",
            "checkout, 64 at once: per second",
            "their CPU ms",
            "of three lines: CPU ms",
        ];
        let mut rows = Vec::new();
        for system in [
            System::Postgres,
            System::FiveHttp,
            System::FiveGrpc,
            System::PeerServices,
        ] {
            let Some(idle) = self.idle_mb.get(&system).and_then(|all| median(all.iter().copied())) else {
                continue;
            };
            let shown = |value: Option<f64>| value.map_or_else(String::new, number);
            let cpu =
                |scenario, connections| shown(self.run(system, scenario, connections, Measured::cpu_ms_each_of_all));
            // In one process the door keeps nothing: the service does.
            let through = if system == System::Postgres || system == System::PeerServices {
                Scenario::Detail
            } else {
                Scenario::DetailThrough
            };
            rows.push(vec![
                system.name().to_owned(),
                number(idle),
                cpu(Scenario::Detail, 16),
                cpu(through, 16),
                shown(self.run(system, Scenario::CheckoutOne, 1, |run| run.outcome.quantile_ms(0.5))),
                shown(self.run(system, Scenario::CheckoutOne, 64, |run| run.outcome.per_second())),
                cpu(Scenario::CheckoutOne, 64),
                cpu(Scenario::CheckoutThree, 64),
            ]);
        }
        table(&head.map(str::to_owned), &rows)
    }

    fn deep_pages_table(&self) -> String {
        let head = ["system", "filter", "sort", "page 1 ms", "page 10,000 ms", "ratio"];
        let mut rows = Vec::new();
        for (system, pages) in &self.deep_pages {
            for page in pages {
                rows.push(vec![
                    system.name().to_owned(),
                    page.filter.to_owned(),
                    page.sort.to_owned(),
                    number(page.first_ms),
                    number(page.deep_ms),
                    number(page.ratio()),
                ]);
            }
        }
        table(&head.map(str::to_owned), &rows)
    }
}

fn application_mb(run: &Measured) -> Option<f64> {
    Some(run.costs.iter().find(|cost| cost.name == "app")?.memory.resident_mb)
}

fn other_answers(run: &Measured) -> u64 {
    let all: u64 = run.outcome.statuses.values().sum();
    all - run.outcome.wanted() + run.outcome.errors
}
