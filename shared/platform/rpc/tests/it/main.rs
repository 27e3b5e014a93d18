//! The outgoing stack: the balancer in simulated time, calls over sockets.
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod balancer;
mod calls;
mod credential;
mod grpc;
mod names;
mod replica;
