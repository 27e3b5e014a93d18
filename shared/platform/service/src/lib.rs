//! What every service does the same as a process of its own, so that a main says only what is its own.
//!
//! `platform-runtime` knows nothing of databases and `platform-sql` nothing of processes; here a main finds both together.
//! Start reading at [`ServiceConfig`] and [`ServiceHost`]; `user-service/src/main.rs` is the shortest main that uses them.
//! A process that holds several services takes [`database`], [`migrate()`] and [`events()`] alone.
//!
//! ```
//! use platform_runtime::settings::{FromSettings, Settings};
//! use platform_service::ServiceConfig;
//! use platform_sql::DatabaseConfig;
//!
//! struct Config { service: ServiceConfig }
//!
//! impl FromSettings for Config {
//!     fn load(settings: &mut Settings) -> Self {
//!         Self { service: ServiceConfig::load(settings, 8090) }
//!     }
//! }
//!
//! let (config, _) = Settings::from_map([("DATA_DIR", "/var/lib/stoa")]).load::<Config>().unwrap();
//! assert_eq!(config.service.database, DatabaseConfig::SqliteDir("/var/lib/stoa".into()));
//! assert_eq!(config.service.host.listen.port(), 8090);
//! ```
//!
//! To add a setting that every service has: a field of [`ServiceConfig`].

mod config;
mod events;
mod host;
mod migrate;

pub use config::{ServiceClient, ServiceConfig, data_dir, database};
pub use events::{Dlq, Events, ServiceCommand, Subscription, events};
pub use host::ServiceHost;
pub use migrate::migrate;
