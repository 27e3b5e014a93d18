//! Over gRPC: the services of the contract.

mod products;
mod stock;

pub use products::GrpcProducts;
pub use stock::GrpcStock;

/// The most bytes of an answer: a page of the largest products.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
