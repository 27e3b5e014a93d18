//! What the shop's books say of the orders that were placed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::client::{Ask, Client, Outcome};

/// How long orders that are under way may take to end.
const END_WITHIN: Duration = Duration::from_mins(1);

/// Whether the books are right.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Keys that stand for a confirmed order.
    confirmed: usize,
    /// Orders that were answered and are not there, or are another now.
    lost: Vec<String>,
    /// Orders that no key stands for, or a second one of a key.
    doubled: Vec<String>,
    /// Orders that did not end well.
    open: Vec<String>,
}

impl Verdict {
    pub(super) fn is_well(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.open.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            confirmed,
            lost,
            doubled,
            open,
        } = self;
        write!(
            f,
            "{confirmed} confirmed, {} lost, {} doubled, {} that did not end well",
            lost.len(),
            doubled.len(),
            open.len()
        )?;
        for (what, ids) in [("lost", lost), ("doubled", doubled), ("open", open)] {
            for id in ids.iter().take(5) {
                write!(f, "\n          {what}: {id}")?;
            }
        }
        Ok(())
    }
}

/// Sends every key once more, which answers the order that it stands for, and compares with what was answered and with the histories.
pub(super) async fn read(client: &Client, buyers: &[String], placed: &[(Ask, Outcome)]) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    let mut known = BTreeSet::new();
    for (ask, outcome) in placed {
        let key = ask.key.as_deref().unwrap_or_default();
        let (id, status) = settled(client, ask).await?;
        let answered = outcome.confirmed.as_ref().or(outcome.pending.as_ref());
        if answered.is_some_and(|answered| *answered != id) {
            verdict
                .lost
                .push(format!("{key} was answered {answered:?} and stands for {id}"));
        }
        if status == "confirmed" {
            verdict.confirmed += 1;
        } else {
            verdict.open.push(format!("{key}: {id} is {status}"));
        }
        if !known.insert(id.clone()) {
            verdict.doubled.push(format!("{id} stands for two keys"));
        }
    }
    let mut histories = BTreeMap::new();
    for buyer in buyers {
        history(client, buyer, &mut histories).await?;
    }
    for id in &known {
        if !histories.contains_key(id) {
            verdict.lost.push(format!("{id} is in no history"));
        }
    }
    for id in histories.keys().filter(|id| !known.contains(*id)) {
        verdict.doubled.push(format!("{id} was never asked for"));
    }
    Ok(verdict)
}

/// The order of a key when it has ended.
async fn settled(client: &Client, ask: &Ask) -> Result<(String, String)> {
    let Ask {
        method,
        path,
        token,
        key,
        body,
    } = ask;
    let give_up = Instant::now() + END_WITHIN;
    loop {
        let reply = client
            .send(method, path, token.as_deref(), key.as_deref(), body.as_ref(), 0)
            .await;
        if let Ok(reply) = reply
            && matches!(reply.status, 201 | 202)
        {
            let status = reply.text("status")?;
            if status != "pending" || Instant::now() > give_up {
                return Ok((reply.text("id")?, status));
            }
        }
        ensure!(Instant::now() < give_up, "{key:?} is not answered after the run");
        sleep(Duration::from_millis(200)).await;
    }
}

async fn history(client: &Client, buyer: &str, into: &mut BTreeMap<String, String>) -> Result<()> {
    let mut cursor = String::new();
    loop {
        let path = format!("/api/orders?limit=100{cursor}");
        let page = client.send(&Method::GET, &path, Some(buyer), None, None, 0).await?;
        ensure!(page.status == 200, "a history was answered with {}", page.status);
        for order in page.body["items"].as_array().context("a history has items")? {
            let member = |name: &str| order[name].as_str().unwrap_or_default().to_owned();
            into.insert(member("id"), member("status"));
        }
        match &page.body["next_cursor"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => return Ok(()),
        }
    }
}
