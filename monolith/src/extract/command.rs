//! The command `extract`.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use api_gateway::Service;
use clap::Args;
use futures::StreamExt;
use platform_clock::{Clock, SystemClock};
use platform_rpc::Target;
use platform_runtime::command::{Failure, Outcome, reachable};
use platform_sql::DatabaseConfig;
use tokio::sync::mpsc;

use super::admin::{Line, PATH, Request};
use super::{Move, extract_at_rest, take_back_elsewhere};
use crate::config::Config;

/// A line of the answer is no longer.
const LONGEST_LINE: usize = 64 * 1024;

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
    match ask(config.host.admin_listen, &request).await? {
        Asked::Answered => Ok(()),
        Asked::NobodyThere => {
            at_rest(
                config,
                Move {
                    service,
                    to: server,
                    url,
                },
                back,
            )
            .await
        }
    }
}

enum Asked {
    Answered,
    NobodyThere,
}

async fn ask(admin: SocketAddr, request: &Request) -> Result<Asked, Failure> {
    let admin = reachable(admin);
    let client = reqwest::Client::builder().no_proxy().build()?;
    let asked = client.post(format!("http://{admin}{PATH}")).json(request).send().await;
    let answer = match asked {
        Ok(answer) => answer.error_for_status()?,
        Err(error) if error.is_connect() => return Ok(Asked::NobodyThere),
        Err(error) => return Err(error.into()),
    };
    let (mut pieces, mut rest) = (answer.bytes_stream(), Vec::new());
    while let Some(piece) = pieces.next().await {
        rest.extend_from_slice(&piece?);
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            match serde_json::from_slice(&line)? {
                Line::Said(line) => writeln!(std::io::stdout(), "{line}")?,
                Line::Failed(why) => return Err(why.into()),
                Line::Done => return Ok(Asked::Answered),
            }
        }
        if rest.len() > LONGEST_LINE {
            break;
        }
    }
    Err(format!("{admin} did not say what came of it: run the same again").into())
}

/// No shop runs: the data directory is free, or its lock says who has it.
async fn at_rest(config: &Config, wanted: Move, back: bool) -> Outcome {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (say, mut said) = mpsc::unbounded_channel::<String>();
    let telling = tokio::spawn(async move {
        while let Some(line) = said.recv().await {
            let _ = writeln!(std::io::stdout(), "{line}");
        }
    });
    let outcome = if back {
        take_back_elsewhere(config, &wanted, &say, clock).await
    } else {
        extract_at_rest(config, &wanted, &say, clock).await
    };
    drop(say);
    telling.await?;
    Ok(outcome?)
}

/// An error with its causes, in one line.
pub(super) fn line_of(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(line, ": {error}");
        cause = error.source();
    }
    line
}
