//! What a process needs to reach products, wherever they are.
//!
//! [`SwitchedProducts`] and [`SwitchedStock`] are what a caller holds; they hand each call to the neighbour their switch
//! points to, and refuse writes while it is frozen. A neighbour in another process is [`connect`]ed to: by the scheme of its
//! target the calls go over HTTP ([`HttpProducts`], [`HttpStock`]) or gRPC ([`GrpcProducts`], [`GrpcStock`]). All of them pass
//! the contract suite that the service itself passes.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use platform_rpc::Outgoing;
//! let remote = product_client::connect(&"grpc://product:8083".parse()?, &Outgoing::default(), None);
//! let (products, stock) = (remote.products, remote.stock);
//! # Ok(()) }
//! ```
//! To add a method: its call in `http/` and in `grpc/`, and in the switch.

mod connect;
mod grpc;
mod http;
mod sales;
mod switched;
mod unknown;

pub use connect::{Remote, connect};
pub use grpc::{GrpcProducts, GrpcStock};
pub use http::{HttpProducts, HttpStock};
pub use switched::{SwitchedProducts, SwitchedStock};
