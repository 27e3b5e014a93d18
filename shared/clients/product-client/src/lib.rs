//! What a process needs to reach products, wherever they are.
//!
//! [`SwitchedProducts`] and [`SwitchedStock`] are what a caller holds; they hand each call to the neighbour their switch
//! points to, and refuse writes while it is frozen.

mod products;
mod stock;

pub use products::SwitchedProducts;
pub use stock::SwitchedStock;
