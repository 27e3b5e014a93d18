//! Tests of the whole: how the house is built, and that the shop works in one process.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod architecture;
mod authorisation;
mod backup;
mod checkout;
mod event_catalogue;
mod extraction;
mod kubernetes;
mod observability;
mod outage;
mod process;
mod support;
mod topologies;
mod tracing;
mod upgrade;
