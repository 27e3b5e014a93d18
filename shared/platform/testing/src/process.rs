//! A binary of ours as a process of its own, on ports of its own.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::StatusCode;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// A process that runs until it is dropped, killed or terminated.
pub struct Process {
    child: Child,
    /// Where its public listener is.
    pub address: SocketAddr,
    /// Where its admin listener is.
    pub admin: SocketAddr,
}

impl Process {
    const READY_WITHIN: Duration = Duration::from_mins(1);

    /// Starts a binary with settings and waits until it is ready. Its log goes to the test's standard error.
    ///
    /// # Panics
    /// If it cannot be started or is not ready within a minute.
    pub async fn spawn(binary: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let process = Self::launch(binary, arguments, settings);
        process.ready().await
    }

    /// Starts a binary without waiting for it.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn launch(binary: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        Self::launch_on(free_address(), binary, arguments, settings)
    }

    /// Starts a binary where others already expect it, without waiting for it.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn launch_on(address: SocketAddr, binary: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let admin = free_address();
        let child = Command::new(binary)
            .args(arguments)
            .env("LISTEN_ADDR", address.to_string())
            .env("ADMIN_LISTEN_ADDR", admin.to_string())
            .env("LOG_FORMAT", "json")
            .env("DRAIN_DELAY", "0s")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", binary.display()));
        Self { child, address, admin }
    }

    /// Waits until it is ready.
    ///
    /// # Panics
    /// If it ends before, or is not ready within a minute.
    pub async fn ready(self) -> Self {
        let ready = self.ready_or_ended().await;
        ready.expect("the process ended before it was ready")
    }

    /// Waits until it is ready; none if it ends before.
    ///
    /// # Panics
    /// If it is not ready within a minute.
    pub async fn ready_or_ended(mut self) -> Option<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client can be built");
        let ready = format!("http://{}/health/ready", self.address);
        let give_up = Instant::now() + Self::READY_WITHIN;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                eprintln!("the process ended before it was ready: {status}");
                return None;
            }
            let answer = client.get(&ready).send().await;
            if answer.is_ok_and(|answer| answer.status() == StatusCode::OK) {
                return Some(self);
            }
            assert!(Instant::now() < give_up, "the process was not ready within a minute");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// The address of a path on its public listener.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The id of the process, for those who look at it from outside.
    ///
    /// # Panics
    /// If it has ended.
    pub fn id(&self) -> u32 {
        self.child.id().expect("the process runs")
    }

    /// Ends it with SIGKILL: nothing of it can run any more.
    ///
    /// # Panics
    /// If it cannot be killed.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("a child can be killed");
    }

    /// Asks it to end with SIGTERM and waits.
    ///
    /// # Panics
    /// If the signal cannot be sent.
    pub async fn terminate(mut self) -> ExitStatus {
        let id = self.id().to_string();
        let sent = Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .await
            .expect("kill can be run");
        assert!(sent.success(), "the signal was not sent");
        self.child.wait().await.expect("a child can be waited for")
    }
}

/// What a command printed and how it ended.
pub struct Outcome {
    /// How it ended.
    pub status: ExitStatus,
    /// What it said.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

/// Runs a binary to its end.
///
/// # Panics
/// If it cannot be started or prints no text.
pub async fn run(binary: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Outcome {
    let mut child = Command::new(binary)
        .args(arguments)
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {}: {error}", binary.display()));
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let (out, err) = (
        child.stdout.as_mut().expect("it is piped"),
        child.stderr.as_mut().expect("it is piped"),
    );
    let (out, err) = tokio::join!(out.read_to_string(&mut stdout), err.read_to_string(&mut stderr));
    out.and(err).expect("it prints text");
    let status = child.wait().await.expect("a child can be waited for");
    Outcome { status, stdout, stderr }
}

/// An address nobody listens on.
///
/// # Panics
/// If there is none.
pub fn free_address() -> SocketAddr {
    // The system may give the same one twice, and our listeners would share it.
    static GIVEN: Mutex<BTreeSet<SocketAddr>> = Mutex::new(BTreeSet::new());
    loop {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = socket.local_addr().expect("a bound socket has an address");
        if GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(address) {
            return address;
        }
    }
}
