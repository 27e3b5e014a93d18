//! Argon2id off the async threads, a few at a time, and behind everything else ([`Background`]).
//!
//! One hash costs 26 ms of a core and 19 MiB. So few run at once, what waits is bounded in number and time, and the memory
//! is reused while others wait and given back when nobody does.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc;
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use platform_clock::Clock;
use tokio::sync::Semaphore;

use super::Password;
use super::background::Background;

/// The most hashes at once: 76 MiB, and as much again while some starve.
const MOST_AT_ONCE: usize = 4;

/// Hashes that may wait for each that runs: about five seconds' worth.
const WAITING_FOR_EACH: usize = 192;

/// The longest wait for a turn, on a machine that has other things to do: less than a route has in all. Whoever asked is
/// told to come again, which is better than no answer.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// A hash in the PHC string format (`$argon2id$v=19$m=..`). It names its own parameters, so they can be raised later.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// As it was stored.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// As it is to be stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What a hash costs. The default is the one that stands in the contract; tests take less.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
}

impl Default for Cost {
    /// m = 19456 KiB, t = 2, p = 1: OWASP Password Storage Cheat Sheet, Argon2id.
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            passes: 2,
        }
    }
}

/// More wait already than could be served in time; come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked")]
pub struct Busy;

/// Makes and checks hashes. Cheap to clone.
#[derive(Clone)]
pub struct Hasher(Arc<Shared>);

struct Shared {
    params: Params,
    clock: Arc<dyn Clock>,
    permits: Arc<Semaphore>,
    background: Arc<Background>,
    max_waiting: usize,
    queue: Mutex<Queue>,
    /// What an unknown account's password is compared with.
    nobody: PasswordHash,
}

/// Those who wait for their turn, and memory that is kept for them.
#[derive(Default)]
struct Queue {
    waiting: usize,
    idle_memory: Vec<Vec<Block>>,
}

impl Hasher {
    /// As many at once as the machine can bear.
    pub fn new(cost: Cost, clock: Arc<dyn Clock>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let at_once = at_once(cores);
        let params = Params::new(cost.memory_kib, cost.passes, 1, Some(HASH_BYTES));
        let params = params.expect("costs are constants of ours, within Argon2's bounds");
        let random = [random(&*clock), random(&*clock), random(&*clock)].concat();
        let nobody = phc_of(&params, &random[..SALT_BYTES], &random[SALT_BYTES..]);
        Self(Arc::new(Shared {
            params,
            clock,
            permits: Arc::new(Semaphore::new(at_once)),
            background: Arc::default(),
            max_waiting: at_once * WAITING_FOR_EACH,
            queue: Mutex::default(),
            nobody,
        }))
    }

    /// The hash of a password, with a salt of its own.
    pub async fn hash(&self, password: &Password) -> Result<PasswordHash, Busy> {
        let salt = random(&*self.0.clock);
        let output = self.compute(password, salt.to_vec(), self.0.params.clone()).await?;
        Ok(phc_of(&self.0.params, &salt, &output))
    }

    /// Whether it is the password of the hash. Without one the answer is no, and takes as long.
    pub async fn verify(&self, password: &Password, hash: Option<&PasswordHash>) -> Result<bool, Busy> {
        let parsed = phc::PasswordHash::new(hash.unwrap_or(&self.0.nobody).as_str()).ok();
        let parts = parsed.and_then(|parsed| {
            let params = Params::try_from(&parsed).ok()?;
            Some((params, parsed.salt?, parsed.hash?))
        });
        let Some((params, salt, expected)) = parts else {
            tracing::error!("a stored password hash cannot be read");
            return Ok(false);
        };
        let output = self.compute(password, salt.as_ref().to_vec(), params).await?;
        let is_equal = verify_slices_are_equal(&output, expected.as_bytes()).is_ok();
        Ok(is_equal && hash.is_some())
    }

    async fn compute(&self, password: &Password, salt: Vec<u8>, params: Params) -> Result<[u8; HASH_BYTES], Busy> {
        let place = Place::take(&self.0)?;
        let turn = tokio::time::timeout(LONGEST_WAIT, self.0.permits.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = turn else {
            return Err(Busy);
        };
        let kept = Mutex::new(place.leave());
        let (shared, password) = (self.0.clone(), password.clone());
        let work = move || {
            let kept = kept.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Where it is done once more there may be others'.
            let kept = kept.or_else(|| shared.queue().idle_memory.pop());
            let mut memory = memory_of(params.block_count(), kept);
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
            let mut output = [0_u8; HASH_BYTES];
            let hashed =
                argon2.hash_password_into_with_memory(password.as_bytes(), &salt, &mut output, memory.as_mut_slice());
            shared.give_back(memory);
            hashed.map(|()| output)
        };
        match self.0.background.clone().run(permit, work).await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(error)) => {
                tracing::error!(%error, "a password cannot be hashed");
                Err(Busy)
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "there is no thread for a password's hash");
                Err(Busy)
            }
        }
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the memory for the next one, or lets go of it when nobody waits.
    fn give_back(&self, memory: Vec<Block>) {
        let mut queue = self.queue();
        if queue.waiting > 0 {
            queue.idle_memory.push(memory);
        }
    }
}

/// A place among those that wait; left when dropped, also by a caller that goes away.
struct Place<'a>(&'a Shared);

impl<'a> Place<'a> {
    fn take(shared: &'a Shared) -> Result<Self, Busy> {
        let mut queue = shared.queue();
        if queue.waiting == shared.max_waiting {
            return Err(Busy);
        }
        queue.waiting += 1;
        drop(queue);
        Ok(Self(shared))
    }

    /// For one whose turn it is, with memory that was kept for it.
    fn leave(self) -> Option<Vec<Block>> {
        self.0.queue().idle_memory.pop()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.waiting -= 1;
        if queue.waiting == 0 {
            queue.idle_memory.clear();
        }
    }
}

/// A core is left for everybody else.
fn at_once(cores: usize) -> usize {
    cores.saturating_sub(1).clamp(1, MOST_AT_ONCE)
}

fn memory_of(blocks: usize, kept: Option<Vec<Block>>) -> Vec<Block> {
    let mut memory = kept.unwrap_or_else(|| Vec::with_capacity(blocks));
    memory.resize(blocks, Block::new());
    memory
}

fn random(clock: &dyn Clock) -> [u8; SALT_BYTES] {
    let mut bytes = [0; SALT_BYTES];
    clock.fill_random(&mut bytes);
    bytes
}

fn phc_of(params: &Params, salt: &[u8], output: &[u8]) -> PasswordHash {
    let phc = phc::PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: phc::ParamsString::try_from(params).expect("parameters have a form as text"),
        salt: Some(phc::Salt::new(salt).expect("16 bytes are a salt")),
        hash: Some(phc::Output::new(output).expect("32 bytes are an output")),
    };
    PasswordHash(phc.to_string())
}

#[cfg(test)]
mod tests {
    use argon2::PasswordVerifier;
    use platform_clock::SystemClock;

    use super::*;

    /// Cheap enough for a debug build.
    const LITTLE: Cost = Cost {
        memory_kib: 64,
        passes: 1,
    };

    fn hasher(cost: Cost) -> Hasher {
        Hasher::new(cost, Arc::new(SystemClock))
    }

    fn password(text: &str) -> Password {
        Password::presented(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_and_no_other() {
        let hasher = hasher(LITTLE);
        let hash = hasher.hash(&password("correct horse")).await.unwrap();
        assert!(hasher.verify(&password("correct horse"), Some(&hash)).await.unwrap());
        assert!(!hasher.verify(&password("correct horsf"), Some(&hash)).await.unwrap());
        assert!(!hasher.verify(&password("correct horse"), None).await.unwrap());
    }

    #[tokio::test]
    async fn the_stored_form_names_the_promised_parameters_and_others_can_check_it() {
        let hash = hasher(Cost::default()).hash(&password("correct horse")).await.unwrap();
        assert!(
            hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            hash.as_str()
        );
        let parsed = phc::PasswordHash::new(hash.as_str()).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse", &parsed).is_ok());
    }

    #[tokio::test]
    async fn a_hash_made_with_other_parameters_is_still_checked() {
        let old = hasher(LITTLE).hash(&password("correct horse")).await.unwrap();
        let now = hasher(Cost {
            memory_kib: 128,
            passes: 2,
        });
        assert!(now.verify(&password("correct horse"), Some(&old)).await.unwrap());
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_the_memory_is_given_back() {
        let mut hasher = hasher(LITTLE);
        // Few enough to be served in time on a machine where each of them starves.
        let max_waiting = 8;
        Arc::get_mut(&mut hasher.0).unwrap().max_waiting = max_waiting;
        let password = password("correct horse");
        let all = (0..2 * max_waiting).map(|_| hasher.hash(&password));
        let answers = futures::future::join_all(all).await;
        assert!(answers.iter().any(Result::is_err), "more than {max_waiting} waited");
        assert!(answers.iter().filter(|answer| answer.is_ok()).count() >= max_waiting);
        assert_is_idle(&hasher);
    }

    #[tokio::test]
    async fn one_that_goes_away_before_its_turn_leaves_nothing_behind() {
        let hasher = hasher(LITTLE);
        let password = password("correct horse");
        let running: Vec<_> = (0..MOST_AT_ONCE).map(|_| hasher.hash(&password)).collect();
        let mut running: Vec<_> = running.into_iter().map(Box::pin).collect();
        for hash in &mut running {
            assert!(futures::poll!(hash).is_pending());
        }
        let mut waiting = Box::pin(hasher.hash(&password));
        assert!(futures::poll!(&mut waiting).is_pending());
        for hash in running {
            hash.await.unwrap();
        }
        drop(waiting);
        assert_is_idle(&hasher);
    }

    #[tokio::test]
    async fn the_thread_that_asks_is_free_meanwhile() {
        let hasher = hasher(Cost::default());
        let password = password("correct horse");
        let mut hash = Box::pin(hasher.hash(&password));
        assert!(futures::poll!(&mut hash).is_pending());
        assert!(hash.await.is_ok());
    }

    #[tokio::test]
    async fn memory_is_bounded_where_every_hash_starves() {
        let mut hasher = hasher(LITTLE);
        let shared = Arc::get_mut(&mut hasher.0).unwrap();
        shared.background = Arc::new(Background::with_patience(Duration::ZERO));
        let password = password("correct horse");
        let mut all = Box::pin(futures::future::join_all((0..100).map(|_| hasher.hash(&password))));
        let mut most = 0;
        while futures::poll!(&mut all).is_pending() {
            most = most.max(hasher.0.queue().idle_memory.len());
            tokio::task::yield_now().await;
        }
        assert!(most <= 2 * MOST_AT_ONCE, "memory of {most} hashes");
    }

    #[test]
    fn a_core_is_left_for_others_and_memory_bounds_the_rest() {
        assert_eq!([1, 2, 4, 64].map(at_once), [1, 1, 3, 4]);
    }

    fn assert_is_idle(hasher: &Hasher) {
        let queue = hasher.0.queue();
        assert_eq!((queue.waiting, queue.idle_memory.len()), (0, 0));
    }
}
