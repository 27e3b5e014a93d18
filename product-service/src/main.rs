//! product-service as a process of its own: config, telemetry, build, serve.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use auth_client::AccountsKeys;
use platform_rpc::{Outgoing, Target};
use platform_runtime::command::{self, Failure, Migrate, NoArguments, Outcome, Process};
use platform_runtime::settings::{FromSettings, Settings};
use platform_runtime::trust::Trust;
use platform_service::{ServiceCommand, ServiceConfig, ServiceHost, events, migrate};
use product_service::{App, NAME, SCHEMA};
use utoipa::openapi::OpenApi;
use values::Currency;

/// The port of product-service unless `LISTEN_ADDR` names another.
const PORT: u16 = 8083;

struct Config {
    service: ServiceConfig,
    auth: Target,
    currency: Currency,
}

struct ProductProcess;

fn main() -> ExitCode {
    command::run::<ProductProcess>()
}

impl FromSettings for Config {
    fn load(settings: &mut Settings) -> Self {
        Self {
            service: ServiceConfig::load(settings, PORT),
            auth: settings.get("AUTH_SERVICE_URL", "http://127.0.0.1:8081", Target::ABOUT),
            currency: settings.get("CURRENCY", "USD", "what prices are in where nothing else is said"),
        }
    }
}

impl Process for ProductProcess {
    type Config = Config;
    type Serve = NoArguments;
    type Command = ServiceCommand;

    const NAME: &'static str = "product-service";
    const ABOUT: &'static str = "Catalogue and stock of a Stoa shop";

    async fn serve(config: Config, _: NoArguments) -> Outcome {
        let Config {
            service,
            auth,
            currency,
        } = config;
        let host = ServiceHost::start(&service, Self::NAME, NAME).await?;
        let app = App::build(host.database.clone(), Self::NAME, currency, host.clock.clone()).await?;
        let auth = auth_client::connect(&auth, &Outgoing::default());
        let trust = Trust::new(
            &service.issuer,
            Arc::new(AccountsKeys::new(auth.accounts)),
            host.clock.clone(),
        );
        app.start(host.bus.clone(), host.lifecycle()).await?;
        let health = app.checks(host.health());
        let (routes, grpc) = (app.routes(), app.grpc(&trust.guard(NAME)));
        host.serve(routes, grpc, App::info(), health, &trust, product_api::PROBLEMS)
            .await
    }

    async fn migrate(config: Config, what: Migrate) -> Outcome {
        migrate(&config.service.database, &[SCHEMA], what).await
    }

    async fn command(config: Config, ServiceCommand::Events(command): ServiceCommand) -> Outcome {
        events(&config.service.database, &[SCHEMA], &[], command).await
    }

    fn openapi() -> Result<OpenApi, Failure> {
        Ok(App::openapi()?)
    }

    fn internal_openapi() -> Result<OpenApi, Failure> {
        Ok(App::internal_openapi()?)
    }

    fn listen_addr(config: &Config) -> SocketAddr {
        config.service.host.listen
    }
}
