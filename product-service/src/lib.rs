//! The catalogue and the shelf: products, families, search, stock.
//!
//! Other processes see it through [`product_api::Products`] and [`product_api::Stock`]; people through `/api/products`.
//! Rules live in [`service`] (one file a use case), SQL in [`store`] (one source for both engines), and `http`, `grpc`
//! and `events` translate and call. [`App`] wires them; it never knows where a neighbour lives.
//!
//! Files of products, in and out: [`service::ProductService::import`] and [`service::ProductService::export`], which need
//! neither HTTP nor a request; `IMPORT.md` beside this crate says what the formats are.
//!
//! Start reading at [`App::build`], then [`service::ProductService`] and [`store::ProductStore`]. To add a use case: a
//! method of a store trait (one method = one unit of work), its SQL in `store/shared`, the rule in
//! `service/<use case>.rs`, the route in `http/<endpoint>.rs` with its policy beside it, and a test in the store suite.
//!
//! ```
//! # use std::sync::Arc;
//! # use platform_clock::SystemClock;
//! # use platform_sql::{Database, SqliteDatabase};
//! # use product_api::{ListProducts, View};
//! # use product_service::App;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path();
//! let database = Database::Sqlite(SqliteDatabase::open(dir, product_service::NAME).await?);
//! let app = App::build(database, "doc", "EUR".parse()?, Arc::new(SystemClock)).await?;
//! let changes = app.products().changes_since(None, 100).await?;
//! assert!(changes.items.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

mod app;
mod cache;
mod caller;
pub mod events;
mod grpc;
mod http;
mod news;
mod refusal;
mod sales;
pub mod service;
pub mod store;
mod text;

pub use app::App;
pub use store::{NAME, SCHEMA};
