//! What every process runs on: settings, router, layers, listeners, health and telemetry.
//!
//! Start reading at [`router`], through which every service declares its routes, then [`host`], which serves them.
//! `examples/greeter.rs` is a whole process. From the outside in, a request passes [`listener`] (connections and their
//! limits), [`stack`] (id, trace, log, problems), the routes with their [`policy`], and the handler with its [`extract`]ors.
//!
//! gRPC methods stand beside the routes on the same listener, see [`grpc`].
//!
//! To add a setting: ask for it in a [`settings::FromSettings`]. To add a layer for every process: a step in [`stack`].
//! To add something a handler can take: a file under `extract`, with its refusal.
//!
//! ```
//! use platform_runtime::extract::Path;
//! use platform_runtime::router::{ApiRouter, Guard};
//! use platform_runtime::{Info, policy, routes};
//!
//! #[utoipa::path(get, path = "/hello/{name}", params(("name" = String, Path)), responses((status = 200)),
//!     extensions(("x-stoa" = json!(policy::public()))))]
//! async fn hello(Path(name): Path<String>) -> String {
//!     format!("hello {name}")
//! }
//!
//! let built = ApiRouter::new().routes(routes!(hello)).build(Info::new("greeter", "1"), &Guard::default()).unwrap();
//! assert!(built.public.openapi.paths.paths.contains_key("/hello/{name}"));
//! ```

pub mod admin;
mod allocator;
pub mod command;
pub mod docs;
pub mod extract;
pub mod grpc;
pub mod health;
pub mod host;
pub mod lifecycle;
pub mod listener;
pub mod router;
pub mod server;
pub mod settings;
pub mod stack;
pub mod telemetry;
pub mod trust;

pub use platform_context as context;
pub use router::policy;
pub use utoipa::openapi::Info;
pub use utoipa_axum::routes;
