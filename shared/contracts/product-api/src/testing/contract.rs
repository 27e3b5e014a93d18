//! The behaviours every implementation of [`Stock`](crate::Stock) shows, a file per operation.

pub mod confirm;
pub mod expire;
pub mod race;
pub mod reading;
pub mod release;
pub mod reserve;
pub mod return_goods;
mod scene;
pub mod sell;

/// Read by the test that no behaviour is left out of the macro.
#[cfg(test)]
pub(super) const SOURCES: [&str; 8] = [
    include_str!("contract/confirm.rs"),
    include_str!("contract/expire.rs"),
    include_str!("contract/race.rs"),
    include_str!("contract/reading.rs"),
    include_str!("contract/release.rs"),
    include_str!("contract/reserve.rs"),
    include_str!("contract/return_goods.rs"),
    include_str!("contract/sell.rs"),
];
