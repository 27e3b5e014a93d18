//! What order-service promises, tested from outside: one binary, one module per subject.
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod api;
mod faults;
mod model;
mod remote;
mod store;
mod support;
