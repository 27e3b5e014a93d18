//! The store and the rules on both engines, the routes through a real listener, the process, and the documents.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod api;
mod document;
mod internal;
mod process;
mod remote;
mod rules;
mod server;
mod store;
