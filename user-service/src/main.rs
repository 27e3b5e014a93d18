//! user-service as a process of its own: config, telemetry, build, serve.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use platform_identity::{JwkSet, JwksError, JwksSource};
use platform_runtime::command::{self, Failure, Migrate, NoArguments, Outcome, Process};
use platform_runtime::grpc::GrpcRouter;
use platform_runtime::settings::{FromSettings, Settings};
use platform_runtime::trust::Trust;
use platform_service::{ServiceCommand, ServiceConfig, ServiceHost, events, migrate};
use user_service::app::{App, NAME, SCHEMA, info};
use utoipa::openapi::OpenApi;

/// The port of user-service unless `LISTEN_ADDR` names another.
const PORT: u16 = 8082;

struct Config(ServiceConfig);

struct UserProcess;

fn main() -> ExitCode {
    command::run::<UserProcess>()
}

impl FromSettings for Config {
    fn load(settings: &mut Settings) -> Self {
        Self(ServiceConfig::load(settings, PORT))
    }
}

impl Process for UserProcess {
    type Config = Config;
    type Serve = NoArguments;
    type Command = ServiceCommand;

    const NAME: &'static str = "user-service";
    const ABOUT: &'static str = "Users of a Stoa shop";

    async fn serve(Config(config): Config, _: NoArguments) -> Outcome {
        let host = ServiceHost::start(&config, Self::NAME, NAME).await?;
        let app = App::build(host.database.clone(), Self::NAME, host.clock.clone()).await?;
        let trust = Trust::new(&config.issuer, Arc::new(NoAuth), host.clock.clone());
        app.start(host.bus.clone(), host.lifecycle());
        let health = app.checks(host.health());
        host.serve(
            app.routes(),
            GrpcRouter::new(),
            info(),
            health,
            &trust,
            user_api::PROBLEMS,
        )
        .await
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

/// A process of its own has no way to auth-service until there is a client of it: it verifies no token and says so.
struct NoAuth;

#[async_trait]
impl JwksSource for NoAuth {
    async fn fetch(&self) -> Result<JwkSet, JwksError> {
        Err(JwksError("this process has no way to auth-service".to_owned()))
    }
}
