//! Where log lines go: stderr, in batches.
//!
//! A write for each line would be a system call for each request. Lines are collected and written every few
//! milliseconds by a thread of their own; a reader that stalls costs lines, never memory or requests.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// How long lines are collected before they are written.
const COLLECT: Duration = Duration::from_millis(20);

/// The most bytes that wait; lines beyond are dropped and counted.
const MAX_WAITING: usize = 4 << 20;

/// The log of the process. Cheap to clone.
#[derive(Clone)]
pub(super) struct Output {
    shared: Arc<Shared>,
    is_batched: bool,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    // Held while writing, so that a flush does not overtake the thread.
    writing: Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    dropped: u64,
}

impl Output {
    /// Lines in batches, or each at once, for a terminal.
    pub(super) fn start(is_batched: bool) -> Self {
        let output = Self {
            shared: Arc::default(),
            is_batched,
        };
        if is_batched {
            let shared = output.shared.clone();
            let writer = std::thread::Builder::new().name("log".to_owned());
            let writer = writer.spawn(move || {
                loop {
                    shared.wait();
                    std::thread::sleep(COLLECT);
                    shared.write_waiting();
                }
            });
            writer.expect("a thread can be made at the start of the process");
        }
        output
    }

    /// Writes what waits.
    pub(super) fn flush(&self) {
        self.shared.write_waiting();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) {
        let waiting = self.lock();
        let _arrived = self.arrived.wait_while(waiting, |waiting| waiting.lines.is_empty());
    }

    fn write_waiting(&self) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Waiting { lines, dropped } = std::mem::take(&mut *self.lock());
        // Nobody is left to be told that stderr is gone.
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(&lines);
        if dropped > 0 {
            let _ = writeln!(
                stderr,
                "{{\"level\":\"WARN\",\"message\":\"log lines were dropped\",\"count\":{dropped}}}"
            );
        }
    }
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

/// Takes one line; the subscriber hands over each in one piece.
pub(super) struct Line<'a>(&'a Output);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if !self.0.is_batched {
            return io::stderr().write(line);
        }
        let mut waiting = self.0.shared.lock();
        if waiting.lines.len() + line.len() > MAX_WAITING {
            waiting.dropped += 1;
            return Ok(line.len());
        }
        let is_first = waiting.lines.is_empty();
        waiting.lines.extend_from_slice(line);
        drop(waiting);
        if is_first {
            self.0.shared.arrived.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
