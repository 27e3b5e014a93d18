//! auth-service as a process of its own: config, telemetry, build, serve.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use auth_client::{AccountsKeys, SwitchedAccounts, credential};
use auth_service::app::{App, NAME, SCHEMA, info};
use auth_service::command::Admin;
use auth_service::config::Config as AuthConfig;
use auth_service::service_clients::OwnClient;
use clap::Subcommand;
use platform_clock::{Clock, SystemClock};
use platform_rpc::{Outgoing, Place, Target};
use platform_runtime::command::{self, Failure, Migrate, NoArguments, Outcome, Process};
use platform_runtime::settings::{FromSettings, Settings};
use platform_runtime::trust::Trust;
use platform_service::{Events, ServiceConfig, ServiceHost, events, migrate};
use platform_sql::Database;
use utoipa::openapi::OpenApi;

/// The port of auth-service unless `LISTEN_ADDR` names another.
const PORT: u16 = 8081;

struct Config {
    service: ServiceConfig,
    auth: AuthConfig,
    user: Target,
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
            user: settings.get("USER_SERVICE_URL", "http://127.0.0.1:8082", Target::ABOUT),
        }
    }
}

impl Process for AuthProcess {
    type Config = Config;
    type Serve = NoArguments;
    type Command = Command;

    const NAME: &'static str = "auth-service";
    const ABOUT: &'static str = "Accounts, sessions and keys of a Stoa shop";

    async fn serve(config: Config, _: NoArguments) -> Outcome {
        let host = ServiceHost::start(&config.service, Self::NAME, NAME).await?;
        let app = build(&config, host.database.clone(), host.clock.clone()).await?;
        app.bootstrap(&config.auth).await?;
        let trust = Trust::new(
            &config.auth.issuer,
            Arc::new(AccountsKeys::new(app.accounts())),
            host.clock.clone(),
        );
        trust.refresh().await?;
        app.start(host.bus.clone(), host.lifecycle());
        let health = app.checks(host.health());
        let (routes, grpc) = (app.routes(), app.grpc(&trust.guard(NAME)));
        host.serve(routes, grpc, info(), health, &trust, auth_api::PROBLEMS)
            .await
    }

    async fn migrate(config: Config, what: Migrate) -> Outcome {
        migrate(&config.service.database, &[SCHEMA], what).await
    }

    async fn command(config: Config, command: Command) -> Outcome {
        let command = match command {
            Command::Admin(command) => command,
            Command::Events(command) => return events(&config.service.database, &[SCHEMA], &[], command).await,
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let database = Database::open(&config.service.database, NAME, clock.clone()).await?;
        let app = build(&config, database, clock).await?;
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

/// Auth, and users where they are. Users are called with tokens of this very process, so auth is known to them before it is
/// open.
async fn build(config: &Config, database: Database, clock: Arc<dyn Clock>) -> Result<App, Failure> {
    let accounts = Arc::new(SwitchedAccounts::away());
    let OwnClient { id, secret, .. } = &config.auth.own_client;
    let proof = credential(accounts.clone(), id, secret.expose(), "user", clock.clone());
    let users = user_client::connect(&config.user, &Outgoing::default(), Some(proof)).users;
    let app = App::build(&config.auth, database, AuthProcess::NAME, users, clock).await?;
    accounts.0.turn(Place::Local, app.accounts());
    Ok(app)
}
