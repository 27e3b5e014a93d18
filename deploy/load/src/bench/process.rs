//! Processes that the bench starts, and ends again whatever happens.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::time::sleep;

const TIME_TO_STOP: Duration = Duration::from_secs(30);

/// A process in a group of its own, so that Ctrl-C on the terminal reaches the bench alone, which then ends it in order: dropped, it is
/// asked to stop, and killed if it does not.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it; what it prints goes to `log`.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
        })
    }

    /// Starts it and waits for its success.
    pub async fn run(name: &str, command: &mut Command, log: &Path) -> Result<()> {
        let mut process = Self::start(name, command, log)?;
        loop {
            match process.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("{name} ended with {status}:\n{}", process.last_words()),
                None => sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Fails once the process has ended by itself, with the end of its log.
    pub fn ensure_alive(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended with {status}:\n{}", self.name, self.last_words());
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Signals the group, which holds what the process has started and has not sent into a session of its own.
    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.child.id());
        drop(
            Command::new("kill")
                .args([signal, "--", &group])
                .stderr(Stdio::null())
                .status(),
        );
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        self.signal("-TERM");
        let asked = Instant::now();
        while !self.has_ended() {
            if asked.elapsed() > TIME_TO_STOP {
                self.signal("-KILL");
                drop(self.child.wait());
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A port of this machine that nothing listens on.
pub fn free_port() -> Result<u16> {
    // The system may give the same one twice, and our listeners would share it.
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        if GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port) {
            return Ok(port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_process_is_gone() {
        let log = std::env::temp_dir().join(format!("load-process-{}.log", std::process::id()));
        let process = Process::start("sleep", Command::new("sleep").arg("60"), &log).unwrap();
        let proc = PathBuf::from(format!("/proc/{}", process.pid()));
        assert!(proc.exists());
        drop(process);
        assert!(!proc.exists());
        fs::remove_file(log).unwrap();
    }

    #[tokio::test]
    async fn a_failure_shows_the_end_of_the_log() {
        let log = std::env::temp_dir().join(format!("load-failure-{}.log", std::process::id()));
        let error = Process::run("sh", Command::new("sh").args(["-c", "echo no disk; exit 3"]), &log)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("no disk"), "{error}");
        fs::remove_file(log).unwrap();
    }
}
