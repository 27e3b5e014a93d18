//! Users: what people want to be called, and a copy of what auth knows of their accounts.
//!
//! Start reading at [`service`], the rules; [`store`] is what is kept, [`http`] what clients may ask, [`app`] puts it
//! together. Auth tells this service of every account by [`user_api::Users::ensure`]; the name is the owner's own from
//! then on.
//!
//! ```
//! use std::sync::Arc;
//! use platform_clock::SystemClock;
//! use platform_sql::{Database, DatabaseConfig};
//! use user_service::app::{App, NAME};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! # let dir = tempfile::tempdir()?;
//! let clock = Arc::new(SystemClock);
//! let config = DatabaseConfig::SqliteDir(dir.path().to_owned());
//! let database = Database::open(&config, NAME, clock.clone()).await?;
//! let app = App::build(database, "user-service", clock).await?;
//! let _users = app.users(); // for auth, in the same process
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! To add a field of a profile: a pair of migrations, the column in `store/shared/users.rs`, the field in
//! [`user_api::User`] (optional for a release if another process reads it), and a line in the store suite.

pub mod app;
pub mod events;
mod grpc;
pub mod http;
pub mod service;
pub mod store;
pub mod words;
