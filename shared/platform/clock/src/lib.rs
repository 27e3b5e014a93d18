//! Time, ids and chance as inputs, so that a test can replay them.
//!
//! A service holds an `Arc<dyn Clock>` and asks it for all three; nothing else in the workspace may read the system
//! clock or make an id (clippy's `disallowed-methods` says so). Production runs on [`SystemClock`], tests on
//! [`ManualClock`].
//!
//! ```
//! use platform_clock::{Clock, ManualClock};
//! use std::time::Duration;
//! let clock = ManualClock::default();
//! let before = clock.now();
//! clock.advance(Duration::from_secs(3));
//! assert_eq!(clock.now().since(before), Duration::from_secs(3));
//! ```

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::RngCore;
use uuid::{NoContext, Uuid};
use values::Timestamp;

/// Where a process gets the time, new ids and random bytes from.
pub trait Clock: Send + Sync + 'static {
    /// The time of day, in microseconds; may step backwards when the system clock is set.
    fn now(&self) -> Timestamp;

    /// Fills a buffer with bytes that nobody can guess.
    fn fill_random(&self, bytes: &mut [u8]);

    /// A new UUIDv7 of this moment.
    fn new_id(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.as_secs()).unwrap_or(0);
        let nanos = u32::try_from(now.as_micros().rem_euclid(1_000_000) * 1000).unwrap_or(0);
        let timestamp = uuid::Timestamp::from_unix(NoContext, seconds, nanos);
        let mut random = [0_u8; 10];
        self.fill_random(&mut random);
        let (seconds, nanos) = timestamp.to_unix();
        let millis = seconds.saturating_mul(1000) + u64::from(nanos / 1_000_000);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// A fraction in `[0, 1)`, for jitter.
    fn fraction(&self) -> f64 {
        let mut bytes = [0_u8; 4];
        self.fill_random(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }
}

/// The real clock and the operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one home of the system clock")]
    fn now(&self) -> Timestamp {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::from_micros(i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX))
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// A clock that stands still until it is moved, with ids and chance that repeat from run to run.
#[derive(Debug)]
pub struct ManualClock {
    micros: AtomicI64,
    state: AtomicI64,
}

impl Default for ManualClock {
    /// Begins at 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self {
            micros: AtomicI64::new(1_767_225_600_000_000),
            state: AtomicI64::new(1),
        }
    }
}

impl ManualClock {
    /// Moves the time ahead.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.micros.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst))
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let step = self.state.fetch_add(1, Ordering::SeqCst).cast_unsigned();
            let mixed = split_mix(step).to_le_bytes();
            chunk.copy_from_slice(&mixed[..chunk.len()]);
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): spreads a counter over all bits.
fn split_mix(counter: u64) -> u64 {
    let mut z = counter.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_clock_differ_and_carry_its_time() {
        let clock = ManualClock::default();
        let (first, second) = (clock.new_id(), clock.new_id());
        assert_ne!(first, second);
        assert_eq!(first.get_version_num(), 7);
        assert_eq!(first.get_timestamp().unwrap().to_unix().0, 1_767_225_600);
    }

    #[test]
    fn two_manual_clocks_give_the_same_ids() {
        assert_eq!(ManualClock::default().new_id(), ManualClock::default().new_id());
    }
}
