//! Over HTTP: the internal routes of the service.

mod products;
mod stock;

pub use products::HttpProducts;
pub use stock::HttpStock;
