//! Our own shop, started as a user would start it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::time::sleep;

use super::process::{Process, free_port};
use crate::client::{Client, Target, Template};
use crate::shape::Shape;
use crate::shop::Credentials;
use crate::watch::Watch;

const TIME_TO_START: Duration = Duration::from_mins(1);

/// How and where one shop runs; it can be started there again and again.
#[derive(Clone, Debug)]
pub struct Site {
    /// The `stoa` binary.
    pub binary: PathBuf,
    /// Its data directory and logs.
    pub place: PathBuf,
    /// A Postgres, or none for the embedded engine.
    pub database_url: Option<String>,
}

/// A running shop.
#[derive(Debug)]
pub struct Stoa {
    process: Process,
    /// Where it listens.
    pub target: Target,
    /// From the start of the process to its first 200 on `/health/ready`.
    pub start_ms: f64,
}

impl Site {
    /// The admin that the shop makes for itself at its first start.
    pub fn admin() -> Credentials {
        Credentials {
            email: "admin@example.com".to_owned(),
            password: "correct horse battery staple".to_owned(),
        }
    }

    /// Starts the shop and waits until it is ready.
    pub async fn start(&self) -> Result<Stoa> {
        let (port, admin_port) = (free_port()?, free_port()?);
        let admin = Self::admin();
        let mut command = Command::new(&self.binary);
        command
            .arg("serve")
            .current_dir(&self.place)
            .env_clear()
            .env("LISTEN_ADDR", format!("127.0.0.1:{port}"))
            .env("ADMIN_LISTEN_ADDR", format!("127.0.0.1:{admin_port}"))
            .env("DATA_DIR", self.place.join("data"))
            .env("RATE_LIMITS", "off")
            .env("DRAIN_DELAY", "0")
            .env("BOOTSTRAP_ADMIN_EMAIL", admin.email)
            .env("BOOTSTRAP_ADMIN_PASSWORD", admin.password);
        if let Some(url) = &self.database_url {
            command.env("DATABASE_URL", url);
        }
        let target = Target::local(port);
        let ready = Template::get(&target, Shape::Stoa.ready_path())?;
        let begun = Instant::now();
        let mut process = Process::start("stoa", &mut command, &self.log())?;
        let mut client = Client::new(&target);
        tokio::select! {
            answered = client.wait_for_ok(&ready, TIME_TO_START) => answered.with_context(|| self.log_name())?,
            failed = alive(&mut process) => failed?,
        }
        let start_ms = begun.elapsed().as_secs_f64() * 1e3;
        Ok(Stoa {
            process,
            target,
            start_ms,
        })
    }

    fn log(&self) -> PathBuf {
        self.place.join("stoa.log")
    }

    fn log_name(&self) -> String {
        format!("stoa did not become ready; see {}", self.log().display())
    }
}

impl Stoa {
    /// The process.
    pub fn watch(&self) -> Watch {
        Watch {
            name: "app".to_owned(),
            pid: self.process.pid(),
        }
    }
}

async fn alive(process: &mut Process) -> Result<()> {
    loop {
        process.ensure_alive()?;
        sleep(Duration::from_millis(20)).await;
    }
}

/// Median start of `times` processes, each in an empty directory under `place`.
pub async fn start_ms(binary: &Path, place: &Path, times: usize) -> Result<Vec<f64>> {
    let mut all = Vec::new();
    for nth in 0..times {
        let place = place.join(format!("start-{nth}"));
        std::fs::create_dir(&place)?;
        let site = Site {
            binary: binary.to_owned(),
            place,
            database_url: None,
        };
        all.push(site.start().await?.start_ms);
    }
    Ok(all)
}
