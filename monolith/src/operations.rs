//! Operations that an operator asks of a running shop by a command, over its admin listener: the answer comes line by line, while
//! it is done.

use std::error::Error;
use std::fmt::Write as _;
use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use futures::stream::unfold;
use platform_runtime::command::{Failure, Outcome, reachable};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// What an operator is told, one line each.
pub type Say = mpsc::UnboundedSender<String>;

/// A line of the answer is no longer.
const LONGEST_LINE: usize = 64 * 1024;

/// A line of the answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// What was done.
    Said(String),
    /// Why no more was done; the last.
    Failed(String),
    /// All was done; the last.
    Done,
}

/// Does something and answers what it says meanwhile. It goes on when nobody listens any more; it may ask whether somebody does.
pub fn answer<F, E>(name: &'static str, operation: impl FnOnce(Say) -> F) -> Response
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Failure> + Send,
{
    let (say, mut said) = mpsc::unbounded_channel();
    let (lines, sent) = mpsc::channel::<Line>(16);
    let forward = lines.clone();
    let telling = tokio::spawn(async move {
        loop {
            let line = tokio::select! {
                line = said.recv() => line,
                // Whoever asked is gone, also while there is nothing to say.
                () = forward.closed() => None,
            };
            let Some(line) = line else { break };
            tracing::info!("{name}: {line}");
            if forward.send(Line::Said(line)).await.is_err() {
                break;
            }
        }
    });
    let operation = operation(say);
    tokio::spawn(async move {
        let outcome = operation.await;
        let _ = telling.await;
        let last = match outcome.map_err(Into::into) {
            Ok(()) => Line::Done,
            Err(error) => {
                let failed = line_of(&*error);
                tracing::warn!("{name}: {failed}");
                Line::Failed(failed)
            }
        };
        let _ = lines.send(last).await;
    });
    let stream = unfold(sent, async |mut sent| Some((sent.recv().await?, sent)));
    let stream = stream.map(|line| {
        let mut line = serde_json::to_vec(&line)?;
        line.push(b'\n');
        Ok::<_, serde_json::Error>(Bytes::from(line))
    });
    Body::from_stream(stream).into_response()
}

/// Whether there was a shop to be asked.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// It did what it was asked for.
    Answered,
    /// Nobody listens there.
    NobodyThere,
}

/// Asks the shop with this admin listener, and prints what it says.
pub async fn ask(admin: SocketAddr, path: &str, request: &(impl Serialize + Sync)) -> Result<Asked, Failure> {
    let admin = reachable(admin);
    let client = reqwest::Client::builder().no_proxy().build()?;
    let asked = client.post(format!("http://{admin}{path}")).json(request).send().await;
    let answer = match asked {
        Ok(answer) if answer.status().is_success() => answer,
        Ok(answer) => {
            let status = answer.status();
            let why = answer.text().await.unwrap_or_default();
            return Err(format!("{admin} answers {status} {why}").into());
        }
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

/// Does something without a shop, and prints what it says.
pub async fn do_here<F, E>(operation: impl FnOnce(Say) -> F) -> Outcome
where
    F: Future<Output = Result<(), E>>,
    E: Into<Failure>,
{
    let (say, mut said) = mpsc::unbounded_channel::<String>();
    let telling = tokio::spawn(async move {
        while let Some(line) = said.recv().await {
            let _ = writeln!(std::io::stdout(), "{line}");
        }
    });
    let outcome = operation(say).await;
    telling.await?;
    outcome.map_err(Into::into)
}

/// An error with its causes, in one line.
fn line_of(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(line, ": {error}");
        cause = error.source();
    }
    line
}
