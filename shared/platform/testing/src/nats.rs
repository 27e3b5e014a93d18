//! A NATS server of a test's own, which it may stop and start again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::process::free_address;
use crate::program::program;

/// Names the `nats-server` binary.
const SERVER: &str = "TEST_NATS_SERVER";

/// A server with JetStream on a port of its own. It ends with this value, and its data with it.
pub struct NatsServer {
    binary: PathBuf,
    arguments: Vec<String>,
    address: SocketAddr,
    dir: TempDir,
    child: Option<Child>,
}

impl NatsServer {
    const READY_WITHIN: Duration = Duration::from_secs(20);

    /// Starts the server that `TEST_NATS_SERVER` names. Without that variable: none, after saying so; in CI a panic, so that
    /// nothing is left out unnoticed.
    pub async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    /// The same with arguments, such as `["--user", "stoa", "--pass", "secret"]`.
    pub async fn start_with(arguments: &[&str]) -> Option<Self> {
        let mut server = Self::stopped(arguments)?;
        server.begin().await;
        Some(server)
    }

    /// A server that is not there yet.
    pub fn stopped(arguments: &[&str]) -> Option<Self> {
        Some(Self {
            binary: program(SERVER)?,
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            address: free_address(),
            dir: tempfile::tempdir().expect("the temporary directory can be written"),
            child: None,
        })
    }

    /// `nats://127.0.0.1:<port>`, whether it runs or not.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// A directory that goes away with the server; its data lie in `data` there.
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Starts it, on the data it had before, and waits until it answers.
    pub async fn begin(&mut self) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir().join("log"));
        let child = Command::new(&self.binary)
            .args(["--addr", "127.0.0.1", "--port", &self.address.port().to_string()])
            .arg("--jetstream")
            .arg("--store_dir")
            .arg(self.dir().join("data"))
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("the temporary directory can be written"))
            .kill_on_drop(true)
            .spawn();
        self.child = Some(child.unwrap_or_else(|error| panic!("cannot start {}: {error}", self.binary.display())));
        let give_up = Instant::now() + Self::READY_WITHIN;
        while !self.answers().await {
            assert!(Instant::now() < give_up, "nats-server did not answer in time");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends it with SIGKILL; its data stay.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.expect("a child can be killed");
        }
    }

    /// Makes it stop or go on answering, with its connections open: `STOP` or `CONT`. It has stopped when this answers.
    ///
    /// # Panics
    /// If it does not run or cannot be told.
    pub async fn signal(&self, signal: &str) {
        let id = self
            .child
            .as_ref()
            .and_then(Child::id)
            .expect("the server runs")
            .to_string();
        let sent = Command::new("kill").args([&format!("-{signal}"), &id]).status().await;
        assert!(sent.is_ok_and(|status| status.success()), "the signal was not sent");
        // A signal is on its way for a moment, in which a server answers a lot.
        while signal == "STOP" && !is_stopped(&id) {
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// The server speaks first when it is ready.
    async fn answers(&self) -> bool {
        let Ok(mut connection) = TcpStream::connect(self.address).await else {
            return false;
        };
        let mut greeting = [0; 4];
        connection.read_exact(&mut greeting).await.is_ok() && &greeting == b"INFO"
    }
}

/// Whether every thread of a process stands still (proc(5): the state follows the name in parentheses).
fn is_stopped(id: &str) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{id}/task")).expect("the process runs");
    let mut stats = threads.map(|thread| std::fs::read_to_string(thread.expect("a thread").path().join("stat")));
    stats.all(|stat| stat.is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" T"))))
}
