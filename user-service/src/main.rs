//! user-service as a process of its own: config, telemetry, build, serve.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use platform_clock::{Clock, SystemClock};
use platform_events::InProcessBus;
use platform_identity::{Audience, JwkSet, JwksError, JwksSource, Keys, Revocations, Verifier};
use platform_problem::codes;
use platform_runtime::command::{self, Migrate, NoArguments, NoCommands, Outcome, Process};
use platform_runtime::docs;
use platform_runtime::health::Health;
use platform_runtime::host::{Host, HostConfig};
use platform_runtime::router::Guard;
use platform_runtime::settings::{FromSettings, Secret, Settings};
use platform_sql::{Database, DatabaseConfig, schema};
use user_service::app::{App, NAME, SCHEMA, info};
use utoipa::openapi::OpenApi;

/// The port of user-service unless `LISTEN_ADDR` names another.
const PORT: u16 = 8082;

struct Config {
    host: HostConfig,
    database: DatabaseConfig,
    issuer: String,
}

struct UserProcess;

fn main() -> ExitCode {
    command::run::<UserProcess>()
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
            issuer: settings.get("TOKEN_ISSUER", "stoa", "who signs tokens; the same in every process"),
        }
    }
}

impl Process for UserProcess {
    type Config = Config;
    type Serve = NoArguments;
    type Command = NoCommands;

    const NAME: &'static str = "user-service";
    const ABOUT: &'static str = "Users of a Stoa shop";

    async fn serve(config: Config, _: NoArguments) -> Outcome {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut host = Host::start(&config.host, Self::NAME)?;
        let database = Database::open(&config.database, NAME, clock.clone()).await?;
        let app = App::build(database.clone(), Self::NAME, clock.clone()).await?;
        let keys = Arc::new(Keys::new(Arc::new(NoAuth), clock.clone()));
        app.start(Arc::new(InProcessBus::new(clock.clone())), host.lifecycle());

        let verifier = |audience| {
            let (keys, clock) = (keys.clone(), clock.clone());
            Arc::new(Verifier::new(
                &*config.issuer,
                audience,
                keys,
                Revocations::new(),
                clock,
            ))
        };
        let guard = Guard::new(verifier(Audience::People), verifier(Audience::Service(NAME)));
        let health = app.checks(Health::new(host.lifecycle().clone()));
        let seen = keys.clone();
        let health = health.hard("keys", move || {
            std::future::ready(if seen.seen() {
                Ok(())
            } else {
                Err("never seen".to_owned())
            })
        });
        let built = app.routes().merge(health.routes()).build(info(), &guard)?;
        host.serve_public(docs::add(built.router, &built.public.openapi, codes::ALL)?)?;
        host.serve_admin(Router::new())?;
        let refreshing = tokio::spawn(async move { keys.keep_fresh().await });
        host.run().await;
        refreshing.abort();
        database.close().await;
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

    async fn command(_: Config, command: NoCommands) -> Outcome {
        match command {}
    }

    fn openapi() -> Result<OpenApi, Box<dyn Error + Send + Sync>> {
        Ok(App::openapi()?)
    }

    fn listen_addr(config: &Config) -> SocketAddr {
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
