//! When what was read before may not be shown any more.
//!
//! A reader notes the [`Freshness::of`] a product before it reads the database. Whoever writes, or hears of a write,
//! touches the product after the commit. What was read is good as long as the mark is the same: so nothing that was read
//! before a write outlives it, however the two interleave.

use std::sync::atomic::{AtomicU64, Ordering};

use values::ProductId;

/// Products share marks: a touch makes a few others be read again, too.
const MARKS: usize = 4_096;

/// Marks of products, and one of all lists.
#[derive(Debug)]
pub struct Freshness {
    products: Box<[AtomicU64]>,
    lists: AtomicU64,
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            products: std::iter::repeat_with(AtomicU64::default).take(MARKS).collect(),
            lists: AtomicU64::default(),
        }
    }
}

impl Freshness {
    /// The mark of a product.
    pub fn of(&self, id: ProductId) -> u64 {
        self.mark(id).load(Ordering::Acquire)
    }

    /// The mark of lists.
    pub fn of_lists(&self) -> u64 {
        self.lists.load(Ordering::Acquire)
    }

    /// The catalogue changed at this product.
    pub fn touch_product(&self, id: ProductId) {
        self.touch_stock(id);
        self.lists.fetch_add(1, Ordering::Release);
    }

    /// The stock of this product changed; lists may be a second old.
    pub fn touch_stock(&self, id: ProductId) {
        self.mark(id).fetch_add(1, Ordering::Release);
    }

    fn mark(&self, id: ProductId) -> &AtomicU64 {
        // The last bits of a UUIDv7 are random.
        let [.., high, low] = *id.as_uuid().as_bytes();
        &self.products[usize::from(u16::from_be_bytes([high, low])) % MARKS]
    }
}

#[cfg(test)]
mod tests {
    use platform_clock::{Clock, ManualClock};

    use super::*;

    #[test]
    fn a_touch_is_seen_at_the_product_and_at_lists() {
        let freshness = Freshness::default();
        let id = ManualClock::default().new_id().into();
        let before = (freshness.of(id), freshness.of_lists());
        freshness.touch_stock(id);
        assert_eq!((freshness.of(id), freshness.of_lists()), (before.0 + 1, before.1));
        freshness.touch_product(id);
        assert_eq!((freshness.of(id), freshness.of_lists()), (before.0 + 2, before.1 + 1));
    }
}
