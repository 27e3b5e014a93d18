//! The gateway in front of services that tell what reached them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod answers;
mod cache;
mod door;
mod policy;
mod remote;
mod wire;
mod world;
