//! Auth: who has an account, what proves it, and the tokens that everybody else believes.
//!
//! Start reading at [`service`], the rules, one file a use case; [`store`] is what is kept, [`http`] what clients may ask,
//! [`app`] puts it together. Beside them, one thing each: [`password`] (Argon2id, bounded), [`refresh_token`] (opaque,
//! rotated by HMAC), [`keys`] (ES256, rotated, encrypted at rest), [`limits`] (how often one may guess, without locking the
//! owner out), [`command`] (`admin create|grant|revoke`).
//!
//! An access token says who somebody is for 15 minutes; a session is one login and all that is refreshed from it, and ends
//! by logout, by another password, by a refresh token that is used twice, or by 30 days without use. Users are told of
//! every account until they acknowledge it; nobody waits for that longer than a second.
//!
//! ```
//! use std::sync::Arc;
//! use auth_service::app::{App, NAME};
//! use auth_service::config::Config;
//! use platform_clock::SystemClock;
//! use platform_runtime::settings::Settings;
//! use platform_sql::{Database, DatabaseConfig};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! # let dir = tempfile::tempdir()?;
//! # let users = Arc::new(user_api::testing::InMemoryUsers::default());
//! let clock = Arc::new(SystemClock);
//! let settings = Settings::from_map([("DATA_DIR", dir.path().to_str().unwrap())]);
//! let (config, _) = settings.load::<Config>()?;
//! let database = Database::open(&DatabaseConfig::SqliteDir(config.data_dir.clone()), NAME, clock.clone()).await?;
//! let app = App::build(&config, database, "auth-service", users, clock).await?;
//! assert!(app.accounts().jwks().await?.contains("ES256"));
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! To add a claim: a field of [`platform_identity::Claims`], optional for one release, set in `service.rs`. To add a role: a
//! variant of [`platform_identity::Role`]. To add a use case: a method of [`store::AccountStore`] with its line in the store
//! suite, a file under `service/`, a file under `http/`.

pub mod app;
pub mod command;
pub mod config;
pub mod events;
mod grpc;
mod hex;
pub mod http;
pub mod jobs;
pub mod keys;
pub mod limits;
pub mod network;
pub mod password;
pub mod refresh_token;
pub mod service;
pub mod service_clients;
pub mod store;
pub mod throttle;
