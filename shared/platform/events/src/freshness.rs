//! When what was read before may not be shown any more.
//!
//! Whoever shows things from memory notes the [`Freshness::of`] a thing before it is read where it is kept. Whoever writes, or
//! hears of a write, touches the thing after the commit. What was read is good as long as the mark is the same: so nothing
//! that was read before a write outlives it, however the two interleave.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

/// Things share marks: a touch makes a few others be read again, too.
const MARKS: usize = 4_096;

/// Marks of things by their ids, and one of all lists of them.
#[derive(Debug)]
pub struct Freshness {
    things: Box<[AtomicU64]>,
    lists: AtomicU64,
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            things: std::iter::repeat_with(AtomicU64::default).take(MARKS).collect(),
            lists: AtomicU64::default(),
        }
    }
}

impl Freshness {
    /// The mark of a thing.
    pub fn of(&self, id: Uuid) -> u64 {
        self.mark(id).load(Ordering::Acquire)
    }

    /// The mark of lists.
    pub fn of_lists(&self) -> u64 {
        self.lists.load(Ordering::Acquire)
    }

    /// This thing changed.
    pub fn touch(&self, id: Uuid) {
        self.mark(id).fetch_add(1, Ordering::Release);
    }

    /// Lists changed.
    pub fn touch_lists(&self) {
        self.lists.fetch_add(1, Ordering::Release);
    }

    /// Anything may have changed.
    pub fn touch_all(&self) {
        for mark in &self.things {
            mark.fetch_add(1, Ordering::Release);
        }
        self.touch_lists();
    }

    fn mark(&self, id: Uuid) -> &AtomicU64 {
        // The last bits of a UUIDv7 are random.
        let [.., high, low] = *id.as_bytes();
        &self.things[usize::from(u16::from_be_bytes([high, low])) % MARKS]
    }
}

#[cfg(test)]
mod tests {
    use platform_clock::{Clock, ManualClock};

    use super::*;

    #[test]
    fn a_touch_is_seen_where_it_was_meant() {
        let freshness = Freshness::default();
        let id = ManualClock::default().new_id();
        let marks = || (freshness.of(id), freshness.of_lists());
        freshness.touch(id);
        assert_eq!(marks(), (1, 0));
        freshness.touch_lists();
        assert_eq!(marks(), (1, 1));
        freshness.touch_all();
        assert_eq!(marks(), (2, 2));
    }
}
