//! The command line of `stoa`.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use api_gateway::{documents, merged};
use auth_service::command::Admin;
use clap::{Args, Subcommand};
use platform_clock::SystemClock;
use platform_runtime::command::{Failure, Migrate, Outcome, Process};
use platform_service::Events;
use utoipa::openapi::OpenApi;

use crate::config::Config;
use crate::shop::Shop;
use crate::{backup, extract, files, reconcile, serve};

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
    /// Read a file of products into the catalogue: our own columns, NDJSON, or a Shopify product export
    ///
    /// With an embedded database the shop must be stopped; POST /api/products/import is for while it runs.
    Import(files::Import),
    /// Write the catalogue to a file that import reads back without loss
    ///
    /// Reads beside a running shop.
    Export(files::Export),
    /// Copy an embedded database to an empty directory, as it is at one moment; the shop goes on meanwhile
    ///
    /// On PostgreSQL pg_dump does this.
    Backup(backup::To),
    /// Put a backup in place of a data directory that holds none
    Restore(backup::From),
    /// Take a service out of the running shop, without a restart: its data to a server, its work to a process of its own
    ///
    /// Without a running shop the data alone are moved.
    Extract(extract::command::Extract),
    /// Compare the books of orders and of the stock; exit with 1 if they do not agree
    ///
    /// Reads beside a running shop and changes nothing.
    Reconcile {
        /// Put goods back that nobody will get; with an embedded database the shop must be stopped
        #[arg(long)]
        fix: bool,
    },
}

/// Arguments of `serve`.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Serve {
    /// Add a small catalogue, a customer and an admin whose passwords are public; what is there is left alone
    #[arg(long)]
    pub demo: bool,
}

impl Process for Stoa {
    type Config = Config;
    type Serve = Serve;
    type Command = Command;

    const NAME: &'static str = Self::BINARY;
    const ABOUT: &'static str = "A shop in one process: accounts, catalogue, stock and orders behind one gateway";

    async fn serve(config: Config, arguments: Serve) -> Outcome {
        Box::pin(serve::serve(&config, arguments)).await
    }

    async fn migrate(config: Config, what: Migrate) -> Outcome {
        platform_service::migrate(&config.database, &config.places.schemas(), what).await
    }

    async fn command(config: Config, command: Command) -> Outcome {
        match command {
            Command::Admin(command) => Box::pin(admin(&config, command)).await,
            Command::Events(command) => {
                platform_service::events(&config.database, &config.places.schemas(), &[], command).await
            }
            Command::Import(import) => files::import(&config, import).await,
            Command::Export(export) => files::export(&config, export).await,
            Command::Backup(to) => backup::backup(&config, to).await,
            Command::Restore(from) => backup::restore(&config, &from),
            Command::Extract(extract) => Box::pin(extract::command::run(&config, extract)).await,
            Command::Reconcile { fix } => reconcile::command::run(&config, fix).await,
        }
    }

    fn openapi() -> Result<OpenApi, Failure> {
        Ok(merged(&documents()?))
    }

    fn listen_addr(config: &Config) -> SocketAddr {
        config.host.listen
    }
}

async fn admin(config: &Config, command: Admin) -> Outcome {
    let shop = Shop::open(config, Arc::new(SystemClock)).await?;
    let said = command.run(shop.require_auth()?.service()).await?;
    shop.close().await;
    writeln!(std::io::stdout(), "{said}")?;
    Ok(())
}
