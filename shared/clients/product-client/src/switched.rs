//! Neighbours that can be moved while they are used.

mod products;
mod stock;

pub use products::SwitchedProducts;
pub use stock::SwitchedStock;
