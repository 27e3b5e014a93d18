//! The runtime as a service and its clients see it.

#![allow(clippy::unwrap_used, reason = "a test may, in its fixtures too")]

mod command;
mod grpc;
mod listener;
mod router;
mod stack;
mod stop;
mod traces;
mod wire;
