//! The service on real databases of both engines, and behind a real listener.
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod api;
mod catalogue;
mod changes;
mod document;
mod files_api;
mod import;
mod lists;
mod remote;
mod round_trip;
mod samples;
mod stock;
mod store;
