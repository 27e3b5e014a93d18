//! The command line of `stoa`.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use api_gateway::{documents, merged};
use auth_service::command::Admin;
use clap::Subcommand;
use platform_clock::SystemClock;
use platform_runtime::command::{Failure, Migrate, NoArguments, Outcome, Process};
use platform_service::Events;
use utoipa::openapi::OpenApi;

use crate::config::Config;
use crate::serve;
use crate::shop::{SCHEMAS, Shop};

/// The binary.
pub struct Stoa;

impl Stoa {
    /// Its name.
    pub const BINARY: &'static str = "stoa";
}

/// Commands beside those that every binary has.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Those who run the shop
    #[command(subcommand)]
    Admin(Admin),
    /// The events of this process
    #[command(subcommand)]
    Events(Events),
}

impl Process for Stoa {
    type Config = Config;
    type Serve = NoArguments;
    type Command = Command;

    const NAME: &'static str = Self::BINARY;
    const ABOUT: &'static str = "A shop in one process: accounts, catalogue, stock and orders behind one gateway";

    async fn serve(config: Config, _: NoArguments) -> Outcome {
        Box::pin(serve::serve(&config)).await
    }

    async fn migrate(config: Config, what: Migrate) -> Outcome {
        platform_service::migrate(&config.database, &SCHEMAS, what).await
    }

    async fn command(config: Config, command: Command) -> Outcome {
        let command = match command {
            Command::Admin(command) => command,
            Command::Events(command) => {
                return platform_service::events(&config.database, &SCHEMAS, &[], command).await;
            }
        };
        let shop = Shop::open(&config, Arc::new(SystemClock)).await?;
        let said = command.run(shop.auth.service()).await?;
        shop.close().await;
        writeln!(std::io::stdout(), "{said}")?;
        Ok(())
    }

    fn openapi() -> Result<OpenApi, Failure> {
        Ok(merged(&documents()?))
    }

    fn listen_addr(config: &Config) -> SocketAddr {
        config.host.listen
    }
}
