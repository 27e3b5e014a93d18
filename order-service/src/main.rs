//! order-service as a process of its own: config, telemetry, build, serve.

use std::net::SocketAddr;
use std::process::ExitCode;

use order_service::app::{App, SCHEMA};
use platform_runtime::command::{self, Failure, Migrate, NoArguments, Outcome, Process};
use platform_runtime::settings::{FromSettings, Settings};
use platform_service::{ServiceCommand, ServiceConfig, events, migrate};
use utoipa::openapi::OpenApi;

/// The port of order-service unless `LISTEN_ADDR` names another.
const PORT: u16 = 8084;

struct Config(ServiceConfig);

struct OrderProcess;

fn main() -> ExitCode {
    command::run::<OrderProcess>()
}

impl FromSettings for Config {
    fn load(settings: &mut Settings) -> Self {
        Self(ServiceConfig::load(settings, PORT))
    }
}

impl Process for OrderProcess {
    type Config = Config;
    type Serve = NoArguments;
    type Command = ServiceCommand;

    const NAME: &'static str = "order-service";
    const ABOUT: &'static str = "Orders of a Stoa shop";

    async fn serve(_: Config, _: NoArguments) -> Outcome {
        Err("PRODUCT_SERVICE_URL: this binary has no client of product-service: run orders within stoa".into())
    }

    async fn migrate(Config(config): Config, what: Migrate) -> Outcome {
        migrate(&config.database, &[SCHEMA], what).await
    }

    async fn command(Config(config): Config, ServiceCommand::Events(command): ServiceCommand) -> Outcome {
        events(&config.database, &[SCHEMA], &[], command).await
    }

    fn openapi() -> Result<OpenApi, Failure> {
        Ok(App::openapi()?)
    }

    fn listen_addr(Config(config): &Config) -> SocketAddr {
        config.host.listen
    }
}
