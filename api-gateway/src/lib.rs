//! The gateway.

mod admission;
mod hygiene;
mod rate_limit;
