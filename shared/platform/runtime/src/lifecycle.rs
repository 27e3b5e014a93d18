//! From the start of a process to its end.
//!
//! SIGTERM or SIGINT begins the drain: the process is not ready any more, yet goes on serving for the drain delay, so that
//! whoever balances towards it learns to stop; its answers carry `Connection: close`. Then it closes: no new connection,
//! and what runs has [`Lifecycle::FINISH`] to end. A second signal cuts the delay short.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// Where a process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It serves.
    Running,
    /// It serves what comes, and asks to be left.
    Draining,
    /// It takes nothing new and ends what runs.
    Closing,
}

/// The phase of the process and the work it must not be cut off from. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lifecycle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    phase: watch::Sender<Phase>,
    // Beside the channel because every answer asks for it.
    is_draining: AtomicBool,
    drain_delay: Duration,
    work: TaskTracker,
}

impl Lifecycle {
    /// How long work that runs may take to end.
    pub const FINISH: Duration = Duration::from_secs(20);

    /// A process that runs.
    pub fn new(drain_delay: Duration) -> Self {
        Self(Arc::new(Inner {
            phase: watch::Sender::new(Phase::Running),
            is_draining: AtomicBool::new(false),
            drain_delay,
            work: TaskTracker::new(),
        }))
    }

    /// Where it stands now.
    pub fn phase(&self) -> Phase {
        *self.0.phase.borrow()
    }

    /// Whether it has begun to stop.
    pub fn is_draining(&self) -> bool {
        self.0.is_draining.load(Ordering::Relaxed)
    }

    /// Begins the drain; the second call ends its delay.
    pub fn stop(&self) {
        self.0.is_draining.store(true, Ordering::Relaxed);
        self.0.phase.send_modify(|phase| {
            *phase = match phase {
                Phase::Running => Phase::Draining,
                Phase::Draining | Phase::Closing => Phase::Closing,
            };
        });
    }

    /// Calls [`Lifecycle::stop`] on SIGTERM and SIGINT.
    pub fn stop_on_signals(&self) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let lifecycle = self.clone();
        tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                };
                tracing::info!(signal = name, "stopping");
                lifecycle.stop();
            }
        });
        Ok(())
    }

    /// Waits until the drain begins.
    pub async fn draining(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Waits until nothing new is taken. A job that runs for ever ends here.
    pub async fn closing(&self) {
        self.reached(Phase::Closing).await;
    }

    /// Spawns work that the process waits for before it ends, [`Lifecycle::FINISH`] at the most.
    pub fn spawn<F>(&self, work: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.0.work.spawn(work)
    }

    /// Of a part of the process that may end before it, as a service that moves away: it closes when the process does, or by
    /// [`Lifecycle::end`]. The process waits for its work as for its own.
    pub fn part(&self) -> Self {
        let part = Self::new(Duration::ZERO);
        let (whole, ending) = (self.clone(), part.clone());
        self.spawn(async move {
            tokio::select! {
                () = whole.closing() => {}
                () = ending.closing() => {}
            }
            ending.end().await;
        });
        part
    }

    /// Takes nothing new, and waits for the work that runs.
    pub async fn end(&self) {
        self.0.is_draining.store(true, Ordering::Relaxed);
        self.0.phase.send_modify(|phase| *phase = Phase::Closing);
        self.0.work.close();
        self.0.work.wait().await;
    }

    /// From the drain to the end of all work. Answers whether all of it ended in time.
    pub(crate) async fn wind_down(&self) -> bool {
        self.draining().await;
        tokio::select! {
            () = tokio::time::sleep(self.0.drain_delay) => {}
            () = self.closing() => {}
        }
        self.0.phase.send_modify(|phase| *phase = Phase::Closing);
        self.0.work.close();
        tokio::time::timeout(Self::FINISH, self.0.work.wait()).await.is_ok()
    }

    async fn reached(&self, wanted: Phase) {
        let mut phase = self.0.phase.subscribe();
        // The sender lives as long as `self`.
        let _ = phase.wait_for(|phase| *phase >= wanted).await;
    }
}
