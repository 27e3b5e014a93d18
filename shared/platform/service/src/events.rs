//! The command `events`: what subscriptions gave up on.
//!
//! Looking is possible while the process runs. Replaying writes, so on SQLite the process must not be running meanwhile.

use std::io::Write;
use std::sync::Arc;

use clap::Subcommand;
use platform_clock::{Clock, SystemClock};
use platform_events::{DeadLetter, DeadLetters, Handler, replay};
use platform_runtime::command::{Failure, Outcome};
use platform_sql::{Database, DatabaseConfig, OpenError, Schema};
use uuid::Uuid;

/// Letters read at once.
const PAGE: u32 = 100;

/// The events of this process
#[derive(Debug, Clone, Subcommand)]
pub enum Events {
    /// Events that a subscription gave up on
    #[command(subcommand)]
    Dlq(Dlq),
}

/// What to do with them.
#[derive(Debug, Clone, Subcommand)]
pub enum Dlq {
    /// Print one a line: subscription, event, type, when it was given up, tries, reason
    List {
        /// Of this subscription alone
        #[arg(long)]
        subscription: Option<String>,
    },
    /// Print one as JSON, the event with it
    Show {
        /// The subscription that gave up on it
        subscription: String,
        /// The id of the event
        event: Uuid,
    },
    /// Hand events to their subscription again; what it takes now is no dead letter any more
    Replay {
        /// The subscription
        subscription: String,
        /// The id of the event
        #[arg(required_unless_present = "all")]
        event: Option<Uuid>,
        /// All of the subscription, oldest first
        #[arg(long, conflicts_with = "event")]
        all: bool,
    },
}

/// For a binary whose only commands beside those of every process are these
#[derive(Debug, Clone, Subcommand)]
pub enum ServiceCommand {
    /// The events of this process
    #[command(subcommand)]
    Events(Events),
}

/// A durable subscription that lives in this process.
pub struct Subscription {
    /// Its name on the bus.
    pub name: &'static str,
    /// What takes its events.
    pub handler: Arc<dyn Handler>,
}

/// Runs the command on the schemas of a process; `subscriptions` are those it would serve.
pub async fn events(
    config: &DatabaseConfig,
    schemas: &[Schema],
    subscriptions: &[Subscription],
    Events::Dlq(command): Events,
) -> Outcome {
    let mut databases = Vec::with_capacity(schemas.len());
    for schema in schemas {
        databases.push(open(config, schema, &command).await?);
    }
    let letters: Vec<_> = databases.iter().map(Database::dead_letters).collect();
    let outcome = command.run(&letters, subscriptions, &mut std::io::stdout()).await;
    for database in databases {
        database.close().await;
    }
    outcome
}

async fn open(config: &DatabaseConfig, schema: &Schema, command: &Dlq) -> Result<Database, OpenError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    if !matches!(command, Dlq::Replay { .. }) {
        return Database::open_read_only(config, schema, clock).await;
    }
    let database = Database::open(config, schema.service, clock).await?;
    database.require(schema).await?;
    Ok(database)
}

impl Dlq {
    /// Runs it on the letters of some schemas.
    pub async fn run(
        self,
        letters: &[Arc<dyn DeadLetters>],
        subscriptions: &[Subscription],
        out: &mut (impl Write + Send),
    ) -> Outcome {
        match self {
            Self::List { subscription } => list(letters, subscription.as_deref(), out).await,
            Self::Show { subscription, event } => {
                let (_, letter) = find(letters, &subscription, event).await?;
                let shown = serde_json::json!({
                    "subscription": letter.subscription,
                    "attempts": letter.attempts,
                    "at": letter.at,
                    "reason": letter.reason,
                    "event": serde_json::to_value(&letter.event)?,
                });
                Ok(writeln!(out, "{shown:#}")?)
            }
            Self::Replay {
                subscription, event, ..
            } => {
                let found = subscriptions.iter().find(|known| known.name == subscription);
                let handler = found.ok_or_else(|| format!("no subscription {subscription} lives in this process"))?;
                match event {
                    Some(event) => {
                        let (letters, _) = find(letters, &subscription, event).await?;
                        replay_one(&*letters, handler, event, out).await
                    }
                    None => replay_all(letters, handler, out).await,
                }
            }
        }
    }
}

async fn list(letters: &[Arc<dyn DeadLetters>], of: Option<&str>, out: &mut (impl Write + Send)) -> Outcome {
    for letters in letters {
        for (subscription, _) in letters.subscriptions().await? {
            if of.is_some_and(|of| of != subscription) {
                continue;
            }
            let mut after = None;
            loop {
                let page = letters.list(&subscription, after, PAGE).await?;
                for DeadLetter {
                    event,
                    reason,
                    attempts,
                    at,
                    ..
                } in &page
                {
                    let reason = reason.replace(char::is_control, " ");
                    writeln!(
                        out,
                        "{subscription}\t{}\t{}\t{at}\t{attempts}\t{reason}",
                        event.id, event.kind
                    )?;
                }
                match page.last() {
                    Some(last) if page.len() == PAGE as usize => after = Some(last.event.id),
                    _ => break,
                }
            }
        }
    }
    Ok(())
}

async fn find(
    letters: &[Arc<dyn DeadLetters>],
    subscription: &str,
    event: Uuid,
) -> Result<(Arc<dyn DeadLetters>, DeadLetter), Failure> {
    for letters in letters {
        if let Some(letter) = letters.get(subscription, event).await? {
            return Ok((letters.clone(), letter));
        }
    }
    Err(format!("subscription {subscription} has no dead letter {event}").into())
}

async fn replay_one(
    letters: &dyn DeadLetters,
    to: &Subscription,
    event: Uuid,
    out: &mut (impl Write + Send),
) -> Outcome {
    replay(letters, to.name, event, &*to.handler).await?;
    Ok(writeln!(out, "{event} was taken")?)
}

/// All, in order; what is refused again stays, and those after it go on.
async fn replay_all(letters: &[Arc<dyn DeadLetters>], to: &Subscription, out: &mut (impl Write + Send)) -> Outcome {
    let mut refused = 0_u32;
    for letters in letters {
        let mut after = None;
        loop {
            let page = letters.list(to.name, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.event.id);
            for letter in &page {
                let event = letter.event.id;
                if let Err(error) = replay_one(&**letters, to, event, out).await {
                    writeln!(out, "{event} was refused again: {error}")?;
                    refused += 1;
                }
            }
        }
    }
    match refused {
        0 => Ok(()),
        refused => Err(format!("{refused} dead letters were refused again").into()),
    }
}
