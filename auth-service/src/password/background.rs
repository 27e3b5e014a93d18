//! Work that takes what everybody else leaves of the processors, and does not starve where they leave nothing.
//!
//! However nice a thread is, the kernel lets it finish its slice of some milliseconds before a request is served that arrives
//! meanwhile. One with the policy `SCHED_IDLE` is put aside at once when somebody wakes on its processor. Not so when one of two
//! others there goes to sleep: the scheduler (EEVDF, since Linux 6.6) takes the next one by what each has had of its share, which
//! may be the idle one, and looks again when somebody wakes or at the next tick of its clock, some milliseconds later. So beside
//! such a thread there is one that does nothing but wake where it runs, a few thousand times a second ([`Heartbeat`]).
//!
//! On a machine that is never idle such work gets a three hundredth of a processor, and it cannot come back from there. So whoever
//! is not done in time is done once more, by a thread that is only nice: it gets a tenth.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{io, thread};

use rustix::thread::{CpuSet, sched_setaffinity};
use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// How long work that takes some 26 ms of a processor may take before it is said to starve.
const PATIENCE: Duration = Duration::from_millis(250);

/// By how much a thread is nicer than the others that does not starve.
const NICER: i32 = 10;

/// The longest that somebody waits behind work that takes what is left, but for the moment a thread takes to wake. All beats of a
/// piece make it longer by a twentieth, and by an eighth where others work beside it.
const BEAT: Duration = Duration::from_micros(250);

/// The allocator gives freed memory back to the system a moment later, and only if it is called by then: by the end of a thread.
const UNTIL_GIVEN_BACK: Duration = Duration::from_millis(5);

/// Where work is done. Each piece has a thread of its own, for one that has stood back cannot come forward again.
#[derive(Debug)]
pub(super) struct Background {
    patience: Duration,
    /// Pieces that were given up and still run. While there are any, no new piece is made to wait for idle processors: so
    /// there are never more of them than there are permits.
    starving: Arc<AtomicUsize>,
}

impl Default for Background {
    fn default() -> Self {
        Self {
            patience: PATIENCE,
            starving: Arc::default(),
        }
    }
}

impl Background {
    #[cfg(test)]
    pub(super) fn with_patience(patience: Duration) -> Self {
        Self {
            patience,
            ..Self::default()
        }
    }

    /// Does it, to its end even if the caller goes away, and holds the permit until there is an answer. It may be done twice.
    pub(super) async fn run<T: Send + 'static>(
        self: Arc<Self>,
        permit: OwnedSemaphorePermit,
        work: impl Fn() -> T + Send + Sync + 'static,
    ) -> io::Result<T> {
        // On a task, so that one that starves is seen to even then.
        let run = tokio::spawn(async move { self.run_here(permit, Arc::new(work)).await });
        run.await.map_err(io::Error::other)?
    }

    async fn run_here<T: Send + 'static>(
        &self,
        permit: OwnedSemaphorePermit,
        work: Arc<impl Fn() -> T + Send + Sync + 'static>,
    ) -> io::Result<T> {
        let (answer, mut answers) = mpsc::channel(2);
        if self.starving.load(Ordering::Relaxed) > 0 {
            spawn(stand_back, work, answer, permit)?;
        } else {
            let turn = Arc::new(Mutex::new(Some(permit)));
            let held = Turn(Arc::clone(&turn), Arc::clone(&self.starving));
            spawn(take_what_is_left, Arc::clone(&work), answer.clone(), held)?;
            if let Ok(Some(result)) = tokio::time::timeout(self.patience, answers.recv()).await {
                return Ok(result);
            }
            let mut turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(permit) = turn.take() {
                self.starving.fetch_add(1, Ordering::Relaxed);
                spawn(stand_back, work, answer, permit)?;
            }
        }
        let gone = || io::Error::other("a thread ended without an answer");
        answers.recv().await.ok_or_else(gone)
    }
}

/// The permit of a thread that takes what is left, until it is taken away because the thread starves.
struct Turn(Arc<Mutex<Option<OwnedSemaphorePermit>>>, Arc<AtomicUsize>);

impl Drop for Turn {
    fn drop(&mut self) {
        let Self(permit, starving) = self;
        let mut permit = permit.lock().unwrap_or_else(PoisonError::into_inner);
        if permit.take().is_none() {
            starving.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Does it on a thread that lets go of what it holds before it answers.
fn spawn<T: Send + 'static, S: 'static>(
    stand: fn() -> S,
    work: Arc<impl Fn() -> T + Send + Sync + 'static>,
    answer: mpsc::Sender<T>,
    held: impl Send + 'static,
) -> io::Result<()> {
    let thread = thread::Builder::new().name("password-hash".to_owned());
    thread.spawn(move || {
        let standing = stand();
        let result = work();
        drop((standing, held));
        // Whoever asked may be gone, or have an answer already.
        let _ = answer.try_send(result);
        thread::sleep(UNTIL_GIVEN_BACK);
    })?;
    Ok(())
}

/// Only where nobody else wants the processor. Where the system does not allow it, as nice as can be.
fn take_what_is_left() -> Heartbeat {
    // Before the policy is changed, for a thread is begun with that of whoever begins it.
    let heartbeat = Heartbeat::start();
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let thread = thread_priority::thread_native_id();
    if thread_priority::set_thread_priority_and_policy(thread, ThreadPriority::Min, policy).is_err() {
        stand_back();
    }
    // Whoever was woken on this processor until now stands behind what was a thread like all others. The change wakes nobody:
    // it would wait for the next tick of the clock, some milliseconds.
    thread::yield_now();
    heartbeat
}

/// Makes the scheduler choose anew where a thread runs, again and again until it is dropped.
struct Heartbeat(#[expect(dead_code, reason = "it is there or it is not")] Arc<()>);

impl Heartbeat {
    /// For the calling thread. Where there is no thread or no `/proc` to be had, others wait for the tick now and then.
    fn start() -> Self {
        let alive = Arc::new(());
        if let Ok(stat) = File::open("/proc/thread-self/stat") {
            let held = Arc::downgrade(&alive);
            let thread = thread::Builder::new().name("password-beat".to_owned());
            let _ = thread.spawn(move || {
                let mut here = None;
                while held.strong_count() > 0 {
                    let there = processor(&stat);
                    if here != there {
                        there.inspect(|there| stay_on(*there));
                        here = there;
                    }
                    thread::sleep(BEAT);
                }
            });
        }
        Self(alive)
    }
}

/// Where a thread runs, by the 39th field of its `/proc/[pid]/stat`, the 37th after its name.
fn processor(stat: &File) -> Option<usize> {
    let mut line = [0; 512];
    let length = stat.read_at(&mut line, 0).ok()?;
    let line = str::from_utf8(line.get(..length)?).ok()?;
    line.rsplit_once(')')?.1.split_ascii_whitespace().nth(36)?.parse().ok()
}

/// Keeps the calling thread on a processor, where that is allowed.
fn stay_on(processor: usize) {
    if processor < CpuSet::MAX_CPU {
        let mut only = CpuSet::new();
        only.set(processor);
        let _ = sched_setaffinity(None, &only);
    }
}

/// Behind everybody else, with a tenth of a processor where they want all of it. Where the system does not allow it, like them.
fn stand_back() {
    let _ = rustix::process::nice(NICER);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use rustix::thread::sched_getaffinity;
    use tokio::sync::Semaphore;

    use super::*;

    const OTHER: u32 = 0;
    const IDLE: u32 = 5;

    /// Policy and niceness of the calling thread.
    fn standing() -> (u32, i32) {
        standing_in(&std::fs::read_to_string("/proc/thread-self/stat").unwrap())
    }

    fn standing_in(stat: &str) -> (u32, i32) {
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
        (fields[38].parse().unwrap(), fields[16].parse().unwrap())
    }

    async fn run<T: Send + 'static>(
        background: &Arc<Background>,
        permits: &Arc<Semaphore>,
        work: impl Fn() -> T + Send + Sync + 'static,
    ) -> T {
        let permit = permits.clone().acquire_owned().await.unwrap();
        background.clone().run(permit, work).await.unwrap()
    }

    /// Work that gets nowhere where it is to take what is left, until it is told to or nobody can tell it.
    fn starves(told: Receiver<()>) -> impl Fn() -> (u32, i32) + Send + Sync {
        let told = Mutex::new(told);
        move || {
            let standing = standing();
            if standing.0 == IDLE {
                let _ = told.lock().unwrap().recv();
            }
            standing
        }
    }

    /// The processors on which threads may run that wake again and again, and like whom they run.
    fn heartbeats() -> Vec<(String, u32)> {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let tasks = tasks.filter_map(|task| {
            let task = task.unwrap().path();
            // It may be gone meanwhile.
            let stat = std::fs::read_to_string(task.join("stat")).ok()?;
            let status = std::fs::read_to_string(task.join("status")).ok()?;
            let allowed = status
                .lines()
                .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
            stat.contains("(password-beat)")
                .then(|| (allowed.trim().to_owned(), standing_in(&stat).0))
        });
        tasks.collect()
    }

    async fn until(what: impl Fn() -> bool) {
        while !what() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Where nothing starves, however busy the machine is.
    fn patient() -> Arc<Background> {
        Arc::new(Background::with_patience(Duration::MAX))
    }

    #[tokio::test]
    async fn it_takes_what_is_left_and_nobody_else_does() {
        let before = standing();
        let permits = Arc::new(Semaphore::new(1));
        assert_eq!(run(&patient(), &permits, standing).await.0, IDLE);
        assert_eq!(standing(), before);
    }

    #[tokio::test]
    async fn wherever_it_is_done_somebody_wakes_again_and_again() {
        let permits = Arc::new(Semaphore::new(1));
        let work = || {
            let allowed = sched_getaffinity(None).unwrap();
            let unwatched = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).find(|cpu| {
                stay_on(*cpu);
                let mut looks = 0..5_000;
                !looks.any(|_| {
                    thread::sleep(Duration::from_millis(1));
                    heartbeats().contains(&(cpu.to_string(), OTHER))
                })
            });
            (standing().0, unwatched)
        };
        assert_eq!(run(&patient(), &permits, work).await, (IDLE, None));
        until(|| heartbeats().is_empty()).await;
    }

    #[tokio::test]
    async fn one_that_starves_is_done_with_a_claim_and_so_are_all_until_it_is_done() {
        let (background, permits) = (Arc::<Background>::default(), Arc::new(Semaphore::new(1)));
        let nice = (OTHER, (standing().1 + NICER).min(19));
        let (tell, told) = channel();

        assert_eq!(run(&background, &permits, starves(told)).await, nice);
        assert_eq!(background.starving.load(Ordering::Relaxed), 1);
        for _ in 0..2 {
            assert_eq!(run(&background, &permits, standing).await, nice);
        }

        tell.send(()).unwrap();
        until(|| background.starving.load(Ordering::Relaxed) == 0).await;
        // Patient, for on a busy machine this one may starve in earnest.
        let patient = Background {
            patience: Duration::MAX,
            starving: Arc::clone(&background.starving),
        };
        assert_eq!(run(&Arc::new(patient), &permits, standing).await.0, IDLE);
    }

    #[tokio::test]
    async fn one_that_starves_is_seen_to_when_nobody_waits_for_it() {
        let (background, permits) = (Arc::<Background>::default(), Arc::new(Semaphore::new(1)));
        let (_tell, told) = channel();
        {
            let mut gone = Box::pin(run(&background, &permits, starves(told)));
            assert!(futures::poll!(&mut gone).is_pending());
        }
        assert_eq!(permits.available_permits(), 0);
        until(|| permits.available_permits() == 1).await;
        assert_eq!(background.starving.load(Ordering::Relaxed), 1);
    }
}
