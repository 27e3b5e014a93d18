//! A peer: a folder with a `run.sh` that starts a shop on port 8080 with a Postgres of its own, and leaves process ids in `state/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::process::Process;
use crate::client::{Client, Target, Template};
use crate::shape::Shape;
use crate::watch::Watch;

const PORT: u16 = 8080;
/// Where `setup.sh` puts what it builds with the newest Go.
const BINARIES: &str = "bin127";

/// A copy of the peer's folder that can be written to, with its binaries built.
#[derive(Debug)]
pub struct Peer {
    folder: PathBuf,
    topology: String,
}

/// A running peer; dropped, its processes are ended by its own `stop.sh`.
#[derive(Debug)]
pub struct RunningPeer<'a> {
    peer: &'a Peer,
}

impl Peer {
    /// Copies `source` under `place` and builds it there, unless an earlier bench did.
    pub async fn set_up(source: &Path, place: &Path, topology: &str) -> Result<Self> {
        fs::create_dir_all(place).with_context(|| format!("cannot make {}", place.display()))?;
        let folder = place.join("peer");
        let log = place.join("peer-setup.log");
        let built = folder.join(".built-from");
        let origin = source
            .canonicalize()
            .with_context(|| format!("no peer at {}", source.display()))?;
        let peer = Self {
            folder,
            topology: topology.to_owned(),
        };
        if fs::read_to_string(&built).is_ok_and(|from| Path::new(&from) == origin) {
            return Ok(peer);
        }
        if peer.folder.exists() {
            peer.stop();
            fs::remove_dir_all(&peer.folder)?;
        }
        let mut copy = Command::new("sh");
        let script = "cp -r \"$1\" \"$2\" && chmod -R u+w \"$2\" && rm -rf \"$2/state\" \"$2/results\"";
        copy.args(["-c", script, "sh"]).arg(&origin).arg(&peer.folder);
        Process::run("copying the peer", &mut copy, &log).await?;
        if !peer.folder.join(BINARIES).exists() {
            let mut set_up = Command::new("./setup.sh");
            Process::run("the peer's setup.sh", set_up.current_dir(&peer.folder), &log).await?;
        }
        fs::write(built, origin.to_str().context("the peer's path is not UTF-8")?)?;
        Ok(peer)
    }

    /// Starts it, with data as its seed makes them or, with `keep`, as it left them.
    pub async fn start(&self, keep: bool, settings: &[(&str, &str)]) -> Result<RunningPeer<'_>> {
        let mut command = Command::new("./run.sh");
        command
            .arg(&self.topology)
            .current_dir(&self.folder)
            .env("BIN", self.folder.join(BINARIES));
        command.envs(settings.iter().copied());
        if keep {
            command.arg("keep");
        }
        let running = RunningPeer { peer: self };
        Process::run("the peer's run.sh", &mut command, &self.folder.join("run.log")).await?;
        let ready = Template::get(&running.target(), Shape::Gin.ready_path())?;
        Client::new(&running.target())
            .wait_for_ok(&ready, Duration::from_secs(10))
            .await?;
        Ok(running)
    }

    fn pid(&self, name: &str) -> Result<u32> {
        let path = self.folder.join("state").join(format!("{name}.pid"));
        let text = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
        text.trim()
            .parse()
            .with_context(|| format!("{} holds no process id", path.display()))
    }

    fn stop(&self) {
        drop(Command::new("./stop.sh").arg("all").current_dir(&self.folder).status());
    }
}

impl RunningPeer<'_> {
    /// Where it listens.
    pub fn target(&self) -> Target {
        Target::local(PORT)
    }

    /// Its services as `app`, its Postgres as `db`.
    pub fn watches(&self) -> Result<Vec<Watch>> {
        let services = fs::read_to_string(self.peer.folder.join("state/services"))?;
        let mut watches = Vec::new();
        for service in services.split_whitespace() {
            watches.push(Watch {
                name: "app".to_owned(),
                pid: self.peer.pid(service)?,
            });
        }
        ensure!(!watches.is_empty(), "the peer names no services");
        watches.push(Watch {
            name: "db".to_owned(),
            pid: self.peer.pid("postgres")?,
        });
        Ok(watches)
    }
}

impl Drop for RunningPeer<'_> {
    fn drop(&mut self) {
        self.peer.stop();
    }
}
