//! The smallest process: one route, on all that the runtime offers. Try it:
//!
//! ```sh
//! cargo run -p platform-runtime --example greeter            # then: curl -i localhost:8080/hello/you
//! cargo run -p platform-runtime --example greeter -- --help
//! ```

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use platform_problem::codes;
use platform_runtime::command::{self, Migrate, NoArguments, NoCommands, Outcome, Process};
use platform_runtime::extract::Path;
use platform_runtime::health::Health;
use platform_runtime::host::{Host, HostConfig};
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::router::{ApiRouter, Built, Guard, RoutesError};
use platform_runtime::settings::{FromSettings, Secret, Settings};
use platform_runtime::{Info, docs, policy, routes};
use utoipa::openapi::OpenApi;

struct Config {
    host: HostConfig,
    // A real service would prove itself with it.
    _password: Option<Secret>,
}

impl FromSettings for Config {
    fn load(settings: &mut Settings) -> Self {
        Self {
            host: HostConfig::load(settings, 8080),
            _password: settings.secret("SERVICE_CLIENT_SECRET", "how the process proves itself"),
        }
    }
}

/// Greets somebody.
#[utoipa::path(get, path = "/hello/{name}", params(("name" = String, Path)), responses((status = 200)),
    extensions(("x-stoa" = json!(policy::public()))))]
async fn hello(Path(name): Path<String>) -> String {
    format!("hello {name}")
}

fn api(lifecycle: &Lifecycle) -> Result<Built, RoutesError> {
    let health = Health::new(lifecycle.clone()).informational("moon", async || Err("not visible".to_owned()));
    let router = ApiRouter::new().routes(routes!(hello)).merge(health.routes());
    router.build(Info::new("greeter", "1"), &Guard::default())
}

struct Greeter;

impl Process for Greeter {
    type Config = Config;
    type Serve = NoArguments;
    type Command = NoCommands;

    const NAME: &'static str = "greeter";
    const ABOUT: &'static str = "Greets people";

    async fn serve(config: Config, _: NoArguments) -> Outcome {
        let mut host = Host::start(&config.host, Self::NAME)?;
        let built = api(host.lifecycle())?;
        host.serve_public(docs::add(built.router, &built.public.openapi, codes::ALL)?)?;
        host.serve_admin(Router::new())?;
        host.run().await;
        Ok(())
    }

    async fn migrate(_: Config, _: Migrate) -> Outcome {
        Ok(())
    }

    async fn command(_: Config, command: NoCommands) -> Outcome {
        match command {}
    }

    fn openapi() -> Result<OpenApi, Box<dyn Error + Send + Sync>> {
        Ok(api(&Lifecycle::new(Duration::ZERO))?.public.openapi)
    }

    fn listen_addr(config: &Config) -> SocketAddr {
        config.host.listen
    }
}

fn main() -> ExitCode {
    command::run::<Greeter>()
}
