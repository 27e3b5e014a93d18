//! What a shop's processes cost, read from `/proc`.
//!
//! A watched process is counted with its children, and with those of them that have ended: that is what a Postgres postmaster needs, and
//! a process without children is just itself.

use std::fs;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result};

/// Kernel ticks a second in `/proc/<pid>/stat`; `USER_HZ` is 100 on every Linux this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process to watch, `name=pid` on the command line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Watch {
    /// What the report calls it; several of one name are added up.
    pub name: String,
    /// Its process id.
    pub pid: u32,
}

impl FromStr for Watch {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, pid) = text.split_once('=').context("a watch is name=pid")?;
        Ok(Self {
            name: name.to_owned(),
            pid: pid.parse().context("a watch is name=pid")?,
        })
    }
}

/// Memory of a watched process, in MB (10^6 bytes).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    /// Resident now; with children, their proportional set sizes, so that shared pages count once.
    pub resident_mb: f64,
    /// The most since the peak was reset; unknown (none) with children.
    pub peak_mb: Option<f64>,
}

/// CPU seconds of the process, its children and those that have ended, since it started.
pub fn cpu_seconds(watch: &Watch) -> Result<f64> {
    let mut ticks = None;
    for (pid, stat) in processes()? {
        if pid == watch.pid {
            ticks = Some(ticks.unwrap_or(0) + stat.own_ticks + stat.ended_children_ticks);
        } else if stat.parent == watch.pid {
            ticks = Some(ticks.unwrap_or(0) + stat.own_ticks);
        }
    }
    let ticks = ticks.with_context(|| gone(watch))?;
    Ok(f64::from(u32::try_from(ticks).unwrap_or(u32::MAX)) / TICKS_PER_SECOND)
}

/// Memory of the process and its children.
pub fn memory(watch: &Watch) -> Result<Memory> {
    let children: Vec<u32> = processes()?
        .into_iter()
        .filter(|(_, stat)| stat.parent == watch.pid)
        .map(|(pid, _)| pid)
        .collect();
    let status = fs::read_to_string(format!("/proc/{}/status", watch.pid)).with_context(|| gone(watch))?;
    if children.is_empty() {
        let peak_mb = field_kib(&status, "VmHWM:").map(mb);
        return Ok(Memory {
            resident_mb: mb(field_kib(&status, "VmRSS:").unwrap_or(0)),
            peak_mb,
        });
    }
    let mut resident = 0;
    for pid in children.into_iter().chain([watch.pid]) {
        // A child may have ended since the listing.
        let Ok(rollup) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else {
            continue;
        };
        resident += field_kib(&rollup, "Pss:").unwrap_or(0);
    }
    Ok(Memory {
        resident_mb: mb(resident),
        peak_mb: None,
    })
}

/// Makes the peak start again from what is resident now. Answers whether the kernel let us.
pub fn reset_peak(watch: &Watch) -> bool {
    fs::write(format!("/proc/{}/clear_refs", watch.pid), "5").is_ok()
}

/// Waits until the watched processes have nothing left to do, at most 10 s, so that work done behind an answer is counted with it.
pub async fn settle(watches: &[Watch]) -> Result<()> {
    for _ in 0..40 {
        let before = total_cpu_seconds(watches)?;
        tokio::time::sleep(Duration::from_millis(250)).await;
        if total_cpu_seconds(watches)? - before < 0.015 {
            break;
        }
    }
    Ok(())
}

fn total_cpu_seconds(watches: &[Watch]) -> Result<f64> {
    watches.iter().map(cpu_seconds).sum()
}

fn gone(watch: &Watch) -> String {
    format!("{} (process {}) is not there", watch.name, watch.pid)
}

#[derive(Debug, Eq, PartialEq)]
struct Stat {
    parent: u32,
    own_ticks: u64,
    ended_children_ticks: u64,
}

fn processes() -> Result<Vec<(u32, Stat)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // Processes end while we read: those are left out.
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        if let Some(stat) = parse_stat(&text) {
            found.push((pid, stat));
        }
    }
    Ok(found)
}

/// `proc(5)`: the name stands in parentheses and may hold any character, so what counts begins after the last one.
fn parse_stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |nth: usize| fields.get(nth)?.parse::<u64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own_ticks: number(11)? + number(12)?,
        ended_children_ticks: number(13)? + number(14)?,
    })
}

fn field_kib(text: &str, name: &str) -> Option<u32> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

fn mb(kib: u32) -> f64 {
    f64::from(kib) * 1024.0 / 1e6
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_stat_line_is_read_past_a_name_with_spaces_and_parentheses() {
        let text = "42 (postgres: a) b) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 1 0 5 6 7";
        assert_eq!(
            parse_stat(text),
            Some(Stat {
                parent: 7,
                own_ticks: 120,
                ended_children_ticks: 7
            })
        );
        assert_eq!(parse_stat("42 (short) S 7"), None);
    }

    #[test]
    fn a_status_field_is_read_in_kib() {
        assert_eq!(
            field_kib("VmPeak:\t  100 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1024 kB\n", "VmHWM:"),
            Some(2048)
        );
        assert_eq!(field_kib("Name:\tload\n", "VmHWM:"), None);
    }

    #[test]
    fn the_cpu_of_a_child_that_has_ended_still_counts() {
        let watch = Watch {
            name: "self".to_owned(),
            pid: std::process::id(),
        };
        let before = cpu_seconds(&watch).unwrap();
        Command::new("sh")
            .args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"])
            .status()
            .unwrap();
        assert!(cpu_seconds(&watch).unwrap() > before);
    }

    #[test]
    fn a_process_that_is_not_there_is_named() {
        let watch: Watch = "app=4294967295".parse().unwrap();
        assert_eq!(
            cpu_seconds(&watch).unwrap_err().to_string(),
            "app (process 4294967295) is not there"
        );
    }
}
