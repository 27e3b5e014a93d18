//! order-service as a process of its own: config, telemetry, build, serve.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use order_service::app::{App, SCHEMA};
use platform_clock::{Clock, SystemClock};
use platform_runtime::command::{self, Migrate, NoArguments, NoCommands, Outcome, Process};
use platform_runtime::host::HostConfig;
use platform_runtime::settings::{FromSettings, Secret, Settings};
use platform_sql::{DatabaseConfig, schema};
use utoipa::openapi::OpenApi;

/// The port of order-service unless `LISTEN_ADDR` names another.
const PORT: u16 = 8084;

struct Config {
    host: HostConfig,
    database: DatabaseConfig,
}

struct OrderProcess;

fn main() -> ExitCode {
    command::run::<OrderProcess>()
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
        }
    }
}

impl Process for OrderProcess {
    type Config = Config;
    type Serve = NoArguments;
    type Command = NoCommands;

    const NAME: &'static str = "order-service";
    const ABOUT: &'static str = "Orders of a Stoa shop";

    async fn serve(_: Config, _: NoArguments) -> Outcome {
        Err("PRODUCT_SERVICE_URL: this binary has no client of product-service: run orders within stoa".into())
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
