//! The shop as five processes: a gateway and four services over HTTP or gRPC, on one Postgres, with NATS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rand::Rng;
use tokio::time::sleep;

use super::process::{Process, free_port};
use super::stoa::Site;
use crate::client::{Client, Target, Template};
use crate::shape::Shape;
use crate::watch::Watch;

const TIME_TO_START: Duration = Duration::from_mins(1);
const SERVICES: [&str; 4] = ["auth", "user", "product", "order"];

/// How services call each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Between {
    /// JSON over HTTP/1.1.
    Http,
    /// gRPC over HTTP/2.
    Grpc,
}

/// How and where the five run; they can be started there again and again.
#[derive(Debug)]
pub struct Five {
    /// The folder of the binaries.
    pub binaries: PathBuf,
    /// The NATS server.
    pub nats_server: PathBuf,
    /// Logs, keys, the broker's files.
    pub place: PathBuf,
    /// The Postgres.
    pub database_url: String,
    /// How services call each other.
    pub between: Between,
}

/// The five, running; dropped, they end: those in front first.
#[derive(Debug)]
pub struct RunningFive {
    /// Where the gateway listens.
    pub target: Target,
    processes: Vec<Process>,
    nats: Process,
}

impl Five {
    /// Whether everything that is started is there.
    pub fn check(binaries: &Path, nats_server: &Path) -> Result<()> {
        let binaries = SERVICES.map(|service| binaries.join(format!("{service}-service")));
        for program in binaries.iter().map(PathBuf::as_path).chain([nats_server]) {
            ensure!(program.is_file(), "{} is not there", program.display());
        }
        Ok(())
    }

    /// Starts all and waits until the gateway and all services are ready.
    pub async fn start(&self) -> Result<RunningFive> {
        let secret: String = format!("{:032x}", rand::rng().random::<u128>());
        let clients = self.place.join("clients.json");
        let key = self.place.join("key");
        if !key.exists() {
            fs::write(
                &key,
                format!(
                    "{:032x}{:032x}",
                    rand::rng().random::<u128>(),
                    rand::rng().random::<u128>()
                ),
            )?;
        }
        let nats_port = free_port()?;
        let mut broker = Command::new(&self.nats_server);
        broker.args(["-a", "127.0.0.1", "-p", &nats_port.to_string(), "-js", "-sd"]);
        let nats = Process::start("nats-server", broker.arg(self.place.join("nats")), &self.log("nats"))?;

        let ports: Vec<u16> = SERVICES.iter().map(|_| free_port()).collect::<Result<_>>()?;
        fs::write(&clients, clients_file(&secret))?;
        let scheme = match self.between {
            Between::Http => "http",
            Between::Grpc => "grpc",
        };
        let settings = |command: &mut Command, scheme: &str, port: u16| -> Result<()> {
            command
                .arg("serve")
                .current_dir(&self.place)
                .env_clear()
                .env("LISTEN_ADDR", format!("127.0.0.1:{port}"))
                .env("ADMIN_LISTEN_ADDR", format!("127.0.0.1:{}", free_port()?))
                .env("DATABASE_URL", &self.database_url)
                .env("NATS_URL", format!("nats://127.0.0.1:{nats_port}"))
                .env("RATE_LIMITS", "off")
                .env("DRAIN_DELAY", "0s")
                .env("KEY_ENCRYPTION_KEY_FILE", &key)
                .env("SERVICE_CLIENTS_FILE", &clients)
                .env("SERVICE_CLIENT_SECRET", &secret)
                .env("BOOTSTRAP_ADMIN_EMAIL", Site::admin().email)
                .env("BOOTSTRAP_ADMIN_PASSWORD", Site::admin().password);
            for (service, port) in SERVICES.iter().zip(&ports) {
                let name = format!("{}_SERVICE_URL", service.to_uppercase());
                command.env(name, format!("{scheme}://127.0.0.1:{port}"));
            }
            Ok(())
        };
        let mut processes = Vec::new();
        let gateway = free_port()?;
        let mut command = Command::new(self.binaries.join("api-gateway"));
        settings(&mut command, "http", gateway)?;
        processes.push(Process::start("api-gateway", &mut command, &self.log("api-gateway"))?);
        for (service, port) in SERVICES.iter().zip(&ports) {
            let name = format!("{service}-service");
            let mut command = Command::new(self.binaries.join(&name));
            settings(&mut command, scheme, *port)?;
            processes.push(Process::start(&name, &mut command, &self.log(&name))?);
        }
        for port in ports.into_iter().chain([gateway]) {
            let target = Target::local(port);
            let ready = Template::get(&target, Shape::Stoa.ready_path())?;
            let answered = Client::new(&target).wait_for_ok(&ready, TIME_TO_START).await;
            answered.with_context(|| format!("not all five became ready; see {}", self.place.display()))?;
        }
        // Until every process has found its neighbours.
        sleep(Duration::from_secs(2)).await;
        Ok(RunningFive {
            target: Target::local(gateway),
            processes,
            nats,
        })
    }

    fn log(&self, name: &str) -> PathBuf {
        self.place.join(format!("{name}.log"))
    }
}

/// One client that may call every service; the hash is made by the system's own tool.
fn clients_file(secret: &str) -> String {
    let hash = Command::new("sh")
        .args(["-c", "printf %s \"$1\" | sha256sum | cut -d' ' -f1", "sh", secret])
        .output();
    let hash = hash.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let hash = hash.unwrap_or_default();
    format!(r#"[{{"id": "stoa", "secret_sha256": "{hash}", "audiences": ["auth", "user", "product", "order"]}}]"#)
}

impl RunningFive {
    /// The five as `app`, the broker as `nats`.
    pub fn watches(&self) -> Vec<Watch> {
        let watch = |name: &str, process: &Process| Watch {
            name: name.to_owned(),
            pid: process.pid(),
        };
        let five = self.processes.iter().map(|process| watch("app", process));
        five.chain([watch("nats", &self.nats)]).collect()
    }
}
