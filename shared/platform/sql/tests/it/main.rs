//! The crate on real databases of both engines.
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod shelf;
mod store;
