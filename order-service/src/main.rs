//! order-service as a process of its own: config, telemetry, build, serve.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use auth_client::{AccountsKeys, credential};
use order_service::app::{App, NAME, Neighbours, SCHEMA, info};
use order_service::payment::Providers;
use order_service::timings::Timings;
use platform_rpc::{Outgoing, Target};
use platform_runtime::command::{self, Failure, Migrate, NoArguments, Outcome, Process};
use platform_runtime::settings::{FromSettings, Settings};
use platform_runtime::trust::Trust;
use platform_service::{ServiceClient, ServiceCommand, ServiceConfig, ServiceHost, events, migrate};
use utoipa::openapi::OpenApi;

/// The port of order-service unless `LISTEN_ADDR` names another.
const PORT: u16 = 8084;

struct Config {
    service: ServiceConfig,
    client: ServiceClient,
    auth: Target,
    product: Target,
}

struct OrderProcess;

fn main() -> ExitCode {
    command::run::<OrderProcess>()
}

impl FromSettings for Config {
    fn load(settings: &mut Settings) -> Self {
        Self {
            service: ServiceConfig::load(settings, PORT),
            client: ServiceClient::load(settings),
            auth: settings.get("AUTH_SERVICE_URL", "http://127.0.0.1:8081", Target::ABOUT),
            product: settings.get("PRODUCT_SERVICE_URL", "http://127.0.0.1:8083", Target::ABOUT),
        }
    }
}

impl Process for OrderProcess {
    type Config = Config;
    type Serve = NoArguments;
    type Command = ServiceCommand;

    const NAME: &'static str = "order-service";
    const ABOUT: &'static str = "Orders of a Stoa shop";

    async fn serve(config: Config, _: NoArguments) -> Outcome {
        let Config {
            service,
            client,
            auth,
            product,
        } = config;
        let secret = client.require_secret()?;
        let host = ServiceHost::start(&service, Self::NAME, NAME).await?;
        let (clock, outgoing) = (host.clock.clone(), Outgoing::default());
        let accounts = auth_client::connect(&auth, &outgoing).accounts;
        let proof = credential(accounts.clone(), &client.id, secret.expose(), "product", clock.clone());
        let products = product_client::connect(&product, &outgoing, Some(proof));
        let neighbours = Neighbours {
            stock: products.stock,
            products: products.products,
            providers: Providers::none(),
        };
        let database = host.database.clone();
        let app = App::build(database, Self::NAME, neighbours, clock.clone(), Timings::default()).await?;
        let trust = Trust::new(&service.issuer, Arc::new(AccountsKeys::new(accounts)), clock);
        app.start(host.bus.clone(), host.lifecycle()).await?;
        app.resume_on(products.availability.restorations(), host.lifecycle());
        let health = app.checks(host.health());
        let (routes, grpc) = (app.routes(), app.grpc(&trust.guard(NAME)));
        host.serve(routes, grpc, info(), health, &trust, order_api::PROBLEMS)
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
