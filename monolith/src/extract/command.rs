//! The command `extract`.

use std::sync::Arc;

use api_gateway::Service;
use clap::Args;
use platform_clock::{Clock, SystemClock};
use platform_rpc::Target;
use platform_runtime::command::Outcome;
use platform_sql::DatabaseConfig;

use super::admin::{PATH, Request};
use super::{Move, extract_at_rest, take_back_elsewhere};
use crate::config::Config;
use crate::operations::{self, Asked};

/// What is to move.
#[derive(Debug, Args)]
pub struct Extract {
    /// auth, user, product or order
    service: Service,
    /// The server that gets the schema: postgres://..
    #[arg(long, value_name = "DATABASE_URL", env = "EXTRACT_TO", hide_env_values = true)]
    to: String,
    /// Where the new process will be found: http://.. or grpc://..
    #[arg(long)]
    url: Target,
    /// Undo it, as long as nothing was written there; its process must have stopped
    #[arg(long)]
    back: bool,
}

/// Asks the running shop to do it; does it by itself where none runs.
pub async fn run(config: &Config, command: Extract) -> Outcome {
    let Extract { service, to, url, back } = command;
    let DatabaseConfig::Postgres(server) =
        DatabaseConfig::from_settings(Some(&to), ".".as_ref()).map_err(|error| format!("--to: {error}"))?
    else {
        return Err("--to: it must begin with postgres://".into());
    };
    let request = Request {
        service: service.to_string(),
        to,
        url: url.to_string(),
        back,
    };
    if operations::ask(config.host.admin_listen, PATH, &request).await? == Asked::Answered {
        return Ok(());
    }
    // No shop runs: the data directory is free, or its lock says who has it.
    let wanted = Move {
        service,
        to: server,
        url,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    operations::do_here(|say| async move {
        if back {
            take_back_elsewhere(config, &wanted, &say, clock).await
        } else {
            extract_at_rest(config, &wanted, &say, clock).await
        }
    })
    .await
}
