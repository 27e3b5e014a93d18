//! Limits per key: so many in a time, then one more each time a share of it has passed.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use platform_clock::Clock;

/// The keys remembered at once. One that is forgotten starts anew.
const MAX_KEYS: u64 = 100_000;

/// How many in what time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What it is called to clients.
    pub name: &'static str,
    /// So many at once.
    pub quota: u32,
    /// And so many again in this time.
    pub window: Duration,
}

/// How a key stands after it asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What it is measured by.
    pub limit: Limit,
    /// How many more it may now.
    pub remaining: u32,
    /// Until it may all of them again.
    pub full_after: Duration,
}

/// It may not; when it may again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts")]
pub struct Refused {
    /// How it stands.
    pub standing: Standing,
    /// When it may once more.
    pub retry_after: Duration,
}

/// Counts by the generic cell rate algorithm (ITU-T I.371): one number a key, the time at which it will have paid back.
///
/// The counts are this process' own: with several replicas each allows the limit.
pub struct Throttle<K> {
    limit: Limit,
    clock: Arc<dyn Clock>,
    due: Cache<K, Arc<AtomicI64>>,
}

impl<K: Hash + Eq + Send + Sync + 'static> Throttle<K> {
    /// Nobody has asked yet.
    pub fn new(limit: Limit, clock: Arc<dyn Clock>) -> Self {
        let due = Cache::builder().max_capacity(MAX_KEYS).time_to_idle(limit.window * 2);
        Self {
            limit,
            clock,
            due: due.build(),
        }
    }

    /// Takes one, if there is one left.
    pub fn take(&self, key: K) -> Result<Standing, Refused> {
        let now = self.clock.now().as_micros();
        let (step, window) = (self.step(), self.window());
        let due = self.due.get_with(key, Arc::default);
        let taken = due.fetch_update(Ordering::AcqRel, Ordering::Acquire, |due| {
            let next = due.max(now) + step;
            (next <= now + window).then_some(next)
        });
        match taken {
            Ok(before) => Ok(self.standing(before.max(now) + step, now)),
            Err(due) => Err(Refused {
                standing: self.standing(due, now),
                retry_after: micros(due + step - window - now),
            }),
        }
    }

    /// Gives one back: what was taken turned out not to count. Answers how the key stands then.
    pub fn give_back(&self, key: &K) -> Standing {
        let now = self.clock.now().as_micros();
        let step = self.step();
        let due = self
            .due
            .get(key)
            .map_or(now, |due| due.fetch_sub(step, Ordering::AcqRel) - step);
        self.standing(due.max(now), now)
    }

    fn standing(&self, due: i64, now: i64) -> Standing {
        let free = (now + self.window() - due).max(0) / self.step();
        Standing {
            limit: self.limit,
            remaining: u32::try_from(free).unwrap_or(0),
            full_after: micros(due - now),
        }
    }

    fn step(&self) -> i64 {
        self.window() / i64::from(self.limit.quota.max(1))
    }

    fn window(&self) -> i64 {
        i64::try_from(self.limit.window.as_micros()).unwrap_or(i64::MAX / 4)
    }
}

fn micros(count: i64) -> Duration {
    Duration::from_micros(u64::try_from(count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use platform_clock::ManualClock;

    use super::*;

    fn throttle() -> (Throttle<&'static str>, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::default());
        let limit = Limit {
            name: "test",
            quota: 5,
            window: Duration::from_mins(1),
        };
        (Throttle::new(limit, clock.clone()), clock)
    }

    #[test]
    fn five_at_once_then_one_each_twelve_seconds() {
        let (throttle, clock) = throttle();
        let remaining: Vec<u32> = (0..5).map(|_| throttle.take("ada").unwrap().remaining).collect();
        assert_eq!(remaining, [4, 3, 2, 1, 0]);
        let refused = throttle.take("ada").unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_secs(12));
        assert_eq!(refused.standing.full_after, Duration::from_mins(1));
        clock.advance(Duration::from_millis(11_999));
        assert!(throttle.take("ada").is_err());
        clock.advance(Duration::from_millis(1));
        assert!(throttle.take("ada").is_ok());
        assert!(throttle.take("ada").is_err());
    }

    #[test]
    fn keys_do_not_count_for_each_other() {
        let (throttle, _) = throttle();
        while throttle.take("ada").is_ok() {}
        assert!(throttle.take("grace").is_ok());
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let (throttle, _) = throttle();
        for _ in 0..20 {
            throttle.take("ada").unwrap();
            assert_eq!(throttle.give_back(&"ada").remaining, 5);
        }
        assert_eq!(throttle.take("ada").unwrap().remaining, 4);
    }
}
