//! The store on both engines, the routes through a real listener, and the document.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod api;
mod document;
mod process;
mod remote;
mod store;
