//! Checkout under faults: whatever is lost, late, doubled or cut off, the books add up in the end.

mod chaos;
mod crash;
mod verdict;
