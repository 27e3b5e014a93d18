//! A run, and what it cost the watched processes.

use std::sync::Arc;

use anyhow::{Result, ensure};

use crate::client::Target;
use crate::run::{Outcome, Plan, count, run};
use crate::scenario::Script;
use crate::watch::{Memory, Watch, cpu_seconds, memory, settle};

/// What a run cost one watched name.
#[derive(Clone, Debug)]
pub struct Cost {
    /// The name; processes of one name are added up.
    pub name: String,
    /// CPU seconds from before the first request until the process was quiet again.
    pub cpu_seconds: f64,
    /// Memory after the run.
    pub memory: Memory,
}

/// A run and its costs.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What the clients saw.
    pub outcome: Outcome,
    /// One entry for each watched name, in the order given.
    pub costs: Vec<Cost>,
}

impl Measured {
    /// CPU milliseconds a wanted answer, which is also CPU seconds a thousand of them; none where nothing of this name was watched.
    pub fn cpu_ms_each(&self, name: &str) -> Option<f64> {
        let cost = self.costs.iter().find(|cost| cost.name == name)?;
        Some(cost.cpu_seconds * 1e3 / count(self.outcome.wanted().max(1)))
    }

    /// The same, of all watched processes together.
    pub fn cpu_ms_each_of_all(&self) -> f64 {
        self.costs.iter().filter_map(|cost| self.cpu_ms_each(&cost.name)).sum()
    }
}

/// Warms up, runs, and waits until the shop is quiet, so that what it does behind its answers is counted too.
pub async fn measure(
    target: &Target,
    script: Arc<Script>,
    plan: &Plan,
    warm_up_seconds: f64,
    watches: &[Watch],
) -> Result<Measured> {
    if warm_up_seconds > 0.0 {
        run(target, &script, &plan.warm_up(warm_up_seconds)).await?;
    }
    settle(watches).await?;
    let before: Vec<f64> = watches.iter().map(cpu_seconds).collect::<Result<_>>()?;
    let outcome = run(target, &script, plan).await?;
    settle(watches).await?;
    ensure!(
        outcome.wanted() > 0,
        "{}: no answer was {}, but {:?}",
        script.scenario().name(),
        script.scenario().wanted(),
        outcome.statuses
    );
    let mut costs: Vec<Cost> = Vec::new();
    for (watch, before) in watches.iter().zip(before) {
        add_cost(&mut costs, &watch.name, cpu_seconds(watch)? - before, memory(watch)?);
    }
    Ok(Measured { outcome, costs })
}

fn add_cost(costs: &mut Vec<Cost>, name: &str, cpu_seconds: f64, memory: Memory) {
    let Some(cost) = costs.iter_mut().find(|cost| cost.name == name) else {
        costs.push(Cost {
            name: name.to_owned(),
            cpu_seconds,
            memory,
        });
        return;
    };
    cost.cpu_seconds += cpu_seconds;
    cost.memory.resident_mb += memory.resident_mb;
    cost.memory.peak_mb = cost.memory.peak_mb.zip(memory.peak_mb).map(|(one, other)| one + other);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_one_name_are_added_up() {
        let mut costs = Vec::new();
        add_cost(
            &mut costs,
            "app",
            1.0,
            Memory {
                resident_mb: 10.0,
                peak_mb: Some(12.0),
            },
        );
        add_cost(
            &mut costs,
            "app",
            2.0,
            Memory {
                resident_mb: 20.0,
                peak_mb: Some(24.0),
            },
        );
        assert_eq!(costs.len(), 1);
        assert!((costs[0].cpu_seconds - 3.0).abs() < f64::EPSILON);
        assert_eq!(
            costs[0].memory,
            Memory {
                resident_mb: 30.0,
                peak_mb: Some(36.0)
            }
        );
    }
}
