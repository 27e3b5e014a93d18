//! The smallest process: one route, on all that the runtime offers. Try it:
//!
//! ```sh
//! cargo run -p platform-runtime --example greeter            # then: curl -i localhost:8080/hello/you
//! cargo run -p platform-runtime --example greeter -- --help
//! ```

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use platform_clock::SystemClock;
use platform_problem::codes;
use platform_runtime::command::{self, Migrate, NoArguments, NoCommands, Outcome, Process};
use platform_runtime::extract::Path;
use platform_runtime::health::Health;
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::listener::{Limits, Listener};
use platform_runtime::router::{ApiRouter, Built, Guard};
use platform_runtime::server::Server;
use platform_runtime::settings::{FromSettings, Secret, Settings};
use platform_runtime::stack::Stack;
use platform_runtime::telemetry::{Telemetry, TelemetryConfig};
use platform_runtime::{Info, admin, docs, policy, routes};
use tower::Layer;
use utoipa::openapi::OpenApi;

struct Config {
    listen: SocketAddr,
    admin_listen: SocketAddr,
    drain_delay: Duration,
    // A real service would prove itself with it.
    _password: Option<Secret>,
    telemetry: TelemetryConfig,
}

impl FromSettings for Config {
    fn load(settings: &mut Settings) -> Self {
        Self {
            listen: settings.get("LISTEN_ADDR", "127.0.0.1:8080", "public listener"),
            admin_listen: settings.get("ADMIN_LISTEN_ADDR", "127.0.0.1:9080", "metrics and operations"),
            drain_delay: settings.duration("DRAIN_DELAY", "0s", "how long to go on serving after SIGTERM"),
            _password: settings.secret("SERVICE_CLIENT_SECRET", "how the process proves itself"),
            telemetry: TelemetryConfig::load(settings),
        }
    }
}

/// Greets somebody.
#[utoipa::path(get, path = "/hello/{name}", params(("name" = String, Path)), responses((status = 200)),
    extensions(("x-stoa" = json!(policy::public()))))]
async fn hello(Path(name): Path<String>) -> String {
    format!("hello {name}")
}

fn api(lifecycle: &Lifecycle) -> Result<Built, platform_runtime::router::RoutesError> {
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
        let telemetry = Telemetry::start(&config.telemetry, Self::NAME)?;
        let lifecycle = Lifecycle::new(config.drain_delay);
        lifecycle.stop_on_signals()?;
        let built = api(&lifecycle)?;
        let router = docs::add(built.router, &built.public.openapi, codes::ALL)?;
        let listener = Listener::bind(config.listen, Limits::public(true))?;
        let admin_listener = Listener::bind(config.admin_listen, Limits::inner())?;
        tracing::info!(address = %listener.local_addr(), admin = %admin_listener.local_addr(), "listening");

        let mut server = Server::new(lifecycle);
        server.add(listener, Stack::new(Arc::new(SystemClock)).layer(router));
        server.add(admin_listener, admin::router(telemetry.metrics().clone()));
        server.run().await;
        tracing::info!("stopped");
        telemetry.shutdown().await;
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
        config.listen
    }
}

fn main() -> ExitCode {
    command::run::<Greeter>()
}
