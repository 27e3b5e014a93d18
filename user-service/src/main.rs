//! user-service as a process of its own: config, telemetry, build, serve.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use auth_client::AccountsKeys;
use platform_rpc::{Outgoing, Target};
use platform_runtime::command::{self, Failure, Migrate, NoArguments, Outcome, Process};
use platform_runtime::settings::{FromSettings, Settings};
use platform_runtime::trust::Trust;
use platform_service::{ServiceCommand, ServiceConfig, ServiceHost, events, migrate};
use user_service::app::{App, NAME, SCHEMA, info};
use utoipa::openapi::OpenApi;

/// The port of user-service unless `LISTEN_ADDR` names another.
const PORT: u16 = 8082;

struct Config {
    service: ServiceConfig,
    auth: Target,
}

struct UserProcess;

fn main() -> ExitCode {
    command::run::<UserProcess>()
}

impl FromSettings for Config {
    fn load(settings: &mut Settings) -> Self {
        Self {
            service: ServiceConfig::load(settings, PORT),
            auth: settings.get("AUTH_SERVICE_URL", "http://127.0.0.1:8081", Target::ABOUT),
        }
    }
}

impl Process for UserProcess {
    type Config = Config;
    type Serve = NoArguments;
    type Command = ServiceCommand;

    const NAME: &'static str = "user-service";
    const ABOUT: &'static str = "Users of a Stoa shop";

    async fn serve(Config { service, auth }: Config, _: NoArguments) -> Outcome {
        let host = ServiceHost::start(&service, Self::NAME, NAME).await?;
        let app = App::build(host.database.clone(), Self::NAME, host.clock.clone()).await?;
        let auth = auth_client::connect(&auth, &Outgoing::default());
        let trust = Trust::new(
            &service.issuer,
            Arc::new(AccountsKeys::new(auth.accounts)),
            host.clock.clone(),
        );
        app.start(host.bus.clone(), host.lifecycle());
        let health = app.checks(host.health());
        let (routes, grpc) = (app.routes(), app.grpc(&trust.guard(NAME)));
        host.serve(routes, grpc, info(), health, &trust, user_api::PROBLEMS)
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
