//! Stoa in one process: gateway, auth, users, products and orders, and the commands of the `stoa` binary.
//!
//! Start reading at [`shop::Shop::open`]: it opens the databases of the services that are in this process and wires them,
//! each neighbour behind a switch. [`places`] says which are elsewhere, [`outside`] how those are reached. [`extract`] moves one while the shop is open.
//! [`process`] is the command line, [`serve`] puts the gateway in front. The services do not know that they live
//! together: what is said between them goes by their contracts.

pub mod backup;
pub mod config;
pub mod demo;
pub mod extract;
pub mod files;
pub mod operations;
pub mod outside;
pub mod places;
pub mod process;
pub mod reconcile;
pub mod serve;
pub mod shop;
pub mod welcome;

use std::process::ExitCode;

/// The `main` of the binary. It is here because generic and async code is compiled in each crate that uses it: in the binary
/// it would be a second time.
pub fn main() -> ExitCode {
    platform_runtime::command::run::<process::Stoa>()
}
