//! auth-service as a process of its own: config, telemetry, build, serve.

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use auth_service::app::{App, NAME, SCHEMA, info};
use auth_service::command::Admin;
use auth_service::config::Config as AuthConfig;
use axum::Router;
use clap::Subcommand;
use platform_clock::{Clock, SystemClock};
use platform_events::InProcessBus;
use platform_identity::{Audience, Keys, Revocations, Verifier};
use platform_problem::codes;
use platform_runtime::command::{self, Migrate, NoArguments, Outcome, Process};
use platform_runtime::docs;
use platform_runtime::health::Health;
use platform_runtime::host::{Host, HostConfig};
use platform_runtime::router::Guard;
use platform_runtime::settings::{FromSettings, Secret, Settings};
use platform_sql::{Database, DatabaseConfig, schema};
use user_api::{AccountCopy, User, Users, UsersError};
use utoipa::openapi::OpenApi;

/// The port of auth-service unless `LISTEN_ADDR` names another.
const PORT: u16 = 8081;

struct Config {
    host: HostConfig,
    database: DatabaseConfig,
    auth: AuthConfig,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Those who run the shop
    #[command(subcommand)]
    Admin(Admin),
}

struct AuthProcess;

fn main() -> ExitCode {
    command::run::<AuthProcess>()
}

impl FromSettings for Config {
    fn load(settings: &mut Settings) -> Self {
        let host = HostConfig::load(settings, PORT);
        let data_dir: PathBuf = settings.get("DATA_DIR", "./data", "SQLite files, unless DATABASE_URL names a server");
        let url = settings.secret("DATABASE_URL", "postgres://.. or sqlite:<path>");
        let database = DatabaseConfig::from_settings(url.as_ref().map(Secret::expose), &data_dir);
        Self {
            host,
            database: database.unwrap_or_else(|error| {
                settings.invalid("DATABASE_URL", error);
                DatabaseConfig::SqliteDir(data_dir)
            }),
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

    async fn serve(config: Config, _: NoArguments) -> Outcome {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut host = Host::start(&config.host, Self::NAME)?;
        let app = build(&config, &clock).await?;
        let first = config.auth.first_admin(std::io::stderr().is_terminal());
        app.service().bootstrap(first).await?.announce(&mut std::io::stderr())?;
        let bus = Arc::new(InProcessBus::new(clock.clone()));
        let revocations = Revocations::new();
        app.revoke_on_events(&*bus, revocations.clone()).await?;
        app.start(bus, host.lifecycle());

        let keys = Arc::new(Keys::new(app.jwks_source(), clock.clone()));
        keys.refresh().await?;
        let verifier = |audience| {
            let (keys, clock) = (keys.clone(), clock.clone());
            Arc::new(Verifier::new(
                &*config.auth.issuer,
                audience,
                keys,
                revocations.clone(),
                clock,
            ))
        };
        let guard = Guard::new(verifier(Audience::People), verifier(Audience::Service(NAME)));
        let health = app.checks(Health::new(host.lifecycle().clone()));
        let built = app.routes().merge(health.routes()).build(info(), &guard)?;
        host.serve_public(docs::add(built.router, &built.public.openapi, codes::ALL)?)?;
        host.serve_admin(Router::new())?;
        host.run().await;
        app.close().await;
        Ok(())
    }

    async fn migrate(config: Config, what: Migrate) -> Outcome {
        let (clock, schemas): (Arc<dyn Clock>, _) = (Arc::new(SystemClock), [SCHEMA]);
        if what.provision {
            schema::provision(&config.database, &schemas).await?;
        }
        if !what.plan && !what.check {
            return Ok(schema::apply(&config.database, &schemas, &clock).await?);
        }
        let pending = schema::pending(&config.database, &schemas, &clock).await?;
        for step in &pending {
            writeln!(std::io::stdout(), "{step}")?;
        }
        match pending.len() {
            missing if what.check && missing > 0 => Err(format!("{missing} migrations are missing").into()),
            _ => Ok(()),
        }
    }

    async fn command(config: Config, Command::Admin(command): Command) -> Outcome {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let app = build(&config, &clock).await?;
        let said = command.run(app.service()).await?;
        writeln!(std::io::stdout(), "{said}")?;
        app.close().await;
        Ok(())
    }

    fn openapi() -> Result<OpenApi, Box<dyn Error + Send + Sync>> {
        Ok(App::openapi()?)
    }

    fn listen_addr(config: &Config) -> SocketAddr {
        config.host.listen
    }
}

async fn build(config: &Config, clock: &Arc<dyn Clock>) -> Result<App, Box<dyn Error + Send + Sync>> {
    let database = Database::open(&config.database, NAME, clock.clone()).await?;
    Ok(App::build(&config.auth, database, "auth-service", Arc::new(NoUsers), clock.clone()).await?)
}

/// A process of its own has no way to user-service until there is a client of it: profiles wait until there is.
struct NoUsers;

#[async_trait]
impl Users for NoUsers {
    async fn ensure(&self, _: &AccountCopy) -> Result<User, UsersError> {
        Err(UsersError::Unavailable(None))
    }
}
