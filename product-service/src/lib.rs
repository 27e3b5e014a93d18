//! The catalogue and the shelf: products, families, search, stock.
//!
//! Other processes see it through [`product_api::Products`] and [`product_api::Stock`]; people through `/api/products`.
//! Rules live in `service` (one file a use case), SQL in `store` (one source for both engines), and `http` and `events`
//! translate and call. `App` wires them.
//!
//! Start reading at [`store::ProductStore`]. To add a use case: a method of a store
//! trait (one method = one unit of work), its SQL in `store/shared`, the rule in `service/<use case>.rs`, the route in
//! `http/<endpoint>.rs` with its policy beside it, and a test in the store suite.

pub mod events;
pub mod store;
mod text;
mod cache;
mod freshness;
mod http;
pub mod service;
