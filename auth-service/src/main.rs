//! auth-service as a process of its own: config, telemetry, build, serve.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use auth_service::app::{App, NAME, SCHEMA, info};
use auth_service::command::Admin;
use auth_service::config::Config as AuthConfig;
use clap::Subcommand;
use platform_clock::{Clock, SystemClock};
use platform_runtime::command::{self, Failure, Migrate, NoArguments, Outcome, Process};
use platform_runtime::grpc::GrpcRouter;
use platform_runtime::settings::{FromSettings, Settings};
use platform_runtime::trust::Trust;
use platform_service::{Events, ServiceConfig, ServiceHost, events, migrate};
use platform_sql::Database;
use user_api::{AccountCopy, User, Users, UsersError};
use utoipa::openapi::OpenApi;

/// The port of auth-service unless `LISTEN_ADDR` names another.
const PORT: u16 = 8081;

struct Config {
    service: ServiceConfig,
    auth: AuthConfig,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Those who run the shop
    #[command(subcommand)]
    Admin(Admin),
    /// The events of this process
    #[command(subcommand)]
    Events(Events),
}

struct AuthProcess;

fn main() -> ExitCode {
    command::run::<AuthProcess>()
}

impl FromSettings for Config {
    fn load(settings: &mut Settings) -> Self {
        Self {
            service: ServiceConfig::load(settings, PORT),
            auth: AuthConfig::load(settings),
        }
    }
}

impl Process for AuthProcess {
    type Config = Config;
    type Serve = NoArguments;
    type Command = Command;

    const NAME: &'static str = "auth-service";
    const ABOUT: &'static str = "Accounts, sessions and keys of a Stoa shop";

    async fn serve(Config { service, auth }: Config, _: NoArguments) -> Outcome {
        let host = ServiceHost::start(&service, Self::NAME, NAME).await?;
        let app = build(&auth, host.database.clone(), host.clock.clone()).await?;
        let first = auth.first_admin(std::io::stderr().is_terminal());
        app.service().bootstrap(first).await?.announce(&mut std::io::stderr())?;
        let trust = Trust::new(&auth.issuer, app.jwks_source(), host.clock.clone());
        trust.refresh().await?;
        app.start(host.bus.clone(), host.lifecycle());
        let health = app.checks(host.health());
        host.serve(
            app.routes(),
            GrpcRouter::new(),
            info(),
            health,
            &trust,
            auth_api::PROBLEMS,
        )
        .await
    }

    async fn migrate(config: Config, what: Migrate) -> Outcome {
        migrate(&config.service.database, &[SCHEMA], what).await
    }

    async fn command(Config { service, auth }: Config, command: Command) -> Outcome {
        let command = match command {
            Command::Admin(command) => command,
            Command::Events(command) => return events(&service.database, &[SCHEMA], &[], command).await,
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let database = Database::open(&service.database, NAME, clock.clone()).await?;
        let app = build(&auth, database, clock).await?;
        let said = command.run(app.service()).await?;
        writeln!(std::io::stdout(), "{said}")?;
        app.close().await;
        Ok(())
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

async fn build(config: &AuthConfig, database: Database, clock: Arc<dyn Clock>) -> Result<App, Failure> {
    Ok(App::build(config, database, AuthProcess::NAME, Arc::new(NoUsers), clock).await?)
}

/// A process of its own has no way to user-service until there is a client of it: profiles wait until there is.
struct NoUsers;

#[async_trait]
impl Users for NoUsers {
    async fn ensure(&self, _: &AccountCopy) -> Result<User, UsersError> {
        Err(UsersError::Unavailable(None))
    }
}
