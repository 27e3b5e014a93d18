//! A private Postgres with default durability, set up as the peers set up theirs.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sqlx::{Connection, PgConnection};
use tokio::time::sleep;

use super::process::{Process, free_port};
use crate::watch::Watch;

/// A running server with an empty database `stoa`.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    binaries: PathBuf,
    port: u16,
}

impl Postgres {
    /// Makes a cluster under `place` and starts it.
    pub async fn start(binaries: &Path, place: &Path) -> Result<Self> {
        let owner = Owner::find()?;
        let data = place.join("pgdata");
        fs::create_dir(&data)?;
        owner.take(&data)?;
        let mut initdb = owner.command(&binaries.join("initdb"), place);
        initdb
            .arg("-D")
            .arg(&data)
            .args(["-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]);
        Process::run("initdb", &mut initdb, &place.join("initdb.log")).await?;
        let port = free_port()?;
        let mut settings = fs::read_to_string(data.join("postgresql.conf"))?;
        let ours = format!(
            "\nport={port}\nlisten_addresses='127.0.0.1'\nunix_socket_directories=''\n\
             max_connections=300\nshared_buffers=256MB\nmax_wal_size=4GB\n"
        );
        settings.push_str(&ours);
        fs::write(data.join("postgresql.conf"), settings)?;
        let mut server = owner.command(&binaries.join("postgres"), place);
        server.arg("-D").arg(&data);
        let process = Process::start("postgres", &mut server, &place.join("postgres.log"))?;
        let mut postgres = Self {
            process,
            binaries: binaries.to_owned(),
            port,
        };
        let mut connection = postgres.first_connection().await?;
        sqlx::query("CREATE DATABASE stoa").execute(&mut connection).await?;
        connection.close().await?;
        Ok(postgres)
    }

    /// The database's URL.
    pub fn url(&self) -> String {
        format!("postgres://bench@127.0.0.1:{}/stoa", self.port)
    }

    /// The postmaster, which stands for its children.
    pub fn watch(&self) -> Watch {
        Watch {
            name: "db".to_owned(),
            pid: self.process.pid(),
        }
    }

    /// `pgbench`'s simple update (one update, one select, one update, one insert a transaction) by 64 clients: transactions a second.
    pub async fn ceiling(&self, place: &Path, seconds: u64) -> Result<f64> {
        let pgbench = || {
            let mut command = Command::new(self.binaries.join("pgbench"));
            command.args(["-h", "127.0.0.1", "-U", "bench", "-p", &self.port.to_string()]);
            command
        };
        let log = place.join("pgbench.log");
        Process::run("pgbench -i", pgbench().args(["-q", "-i", "-s", "20", "stoa"]), &log).await?;
        let time = seconds.max(1).to_string();
        let mut load = pgbench();
        load.args([
            "-n",
            "-b",
            "simple-update",
            "-M",
            "prepared",
            "-c",
            "64",
            "-T",
            &time,
            "stoa",
        ]);
        Process::run("pgbench", &mut load, &log).await?;
        let report = fs::read_to_string(&log)?;
        transactions_per_second(&report).context("pgbench printed no rate")
    }

    async fn first_connection(&mut self) -> Result<PgConnection> {
        let url = format!("postgres://bench@127.0.0.1:{}/postgres", self.port);
        for _ in 0..600 {
            self.process.ensure_alive()?;
            if let Ok(connection) = PgConnection::connect(&url).await {
                return Ok(connection);
            }
            sleep(Duration::from_millis(50)).await;
        }
        bail!("Postgres did not take a connection within 30 s")
    }
}

/// Postgres refuses to run as root; then it runs as the user that its package made.
struct Owner(Option<(u32, u32)>);

impl Owner {
    fn find() -> Result<Self> {
        if fs::metadata("/proc/self")?.uid() != 0 {
            return Ok(Self(None));
        }
        let users = fs::read_to_string("/etc/passwd")?;
        let ids = user_ids(&users, "postgres").context("as root, the bench needs a user named postgres")?;
        Ok(Self(Some(ids)))
    }

    fn take(&self, directory: &Path) -> Result<()> {
        if let Some((user, group)) = self.0 {
            chown(directory, Some(user), Some(group))?;
        }
        Ok(())
    }

    fn command(&self, program: &Path, directory: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(directory);
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
        command
    }
}

fn user_ids(passwd: &str, user: &str) -> Option<(u32, u32)> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(user))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn transactions_per_second(report: &str) -> Option<f64> {
    report
        .lines()
        .find_map(|line| line.strip_prefix("tps = "))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pgbench_tells_its_rate() {
        let report = "latency average = 22.1 ms\ntps = 2895.5 (without initial connection time)\n";
        assert_eq!(transactions_per_second(report), Some(2895.5));
    }

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let passwd = "postgresql:x:1:2::/:/bin/sh\npostgres:x:107:112:,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(user_ids(passwd, "postgres"), Some((107, 112)));
    }
}
