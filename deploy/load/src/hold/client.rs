//! A client that retries once.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;
use tokio::time::{sleep, timeout};

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a client waits before it retries, unless it was told how long.
const PAUSE: Duration = Duration::from_millis(250);
/// It does not wait longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The doors of a shop.
pub(super) struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    doors: Vec<String>,
}

/// What is wanted.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) token: Option<String>,
    pub(super) key: Option<String>,
    pub(super) body: Option<Value>,
}

/// What a client holds in the end.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) retried: bool,
    /// The id of an order that was answered with 201.
    pub(super) confirmed: Option<String>,
    /// The id of one that was answered with 202.
    pub(super) pending: Option<String>,
    /// Why it holds nothing.
    pub(super) failed: Option<String>,
}

/// What came back.
pub(super) struct Reply {
    pub(super) status: u16,
    retry_after: Option<Duration>,
    pub(super) body: Value,
}

impl Reply {
    pub(super) fn text(&self, member: &str) -> Result<String> {
        let text = self.body[member].as_str();
        Ok(text
            .with_context(|| format!("no {member} in {}", self.body))?
            .to_owned())
    }
}

impl Client {
    pub(super) fn new(doors: &[String]) -> Result<Self> {
        for door in doors {
            // A load generator pointed at a stranger is an attack.
            crate::client::Target::parse(door, false)?;
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(1)));
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            // Shorter than any door keeps a connection.
            .pool_idle_timeout(Duration::from_secs(5))
            .build(connector);
        let doors = doors.iter().map(|door| door.trim_end_matches('/').to_owned());
        Ok(Self {
            pool,
            doors: doors.collect(),
        })
    }

    /// Once, and once more at the next door if that brought nothing.
    pub(super) async fn ask(&self, ask: &Ask, door: usize) -> Outcome {
        let first = self.try_once(ask, door).await;
        let Err((_, pause)) = first else {
            return first.unwrap_or_default();
        };
        sleep(pause.unwrap_or(PAUSE).min(LONGEST_PAUSE)).await;
        let outcome = match self.try_once(ask, door + 1).await {
            Ok(outcome) => outcome,
            Err((reason, _)) => Outcome {
                failed: Some(reason),
                ..Outcome::default()
            },
        };
        Outcome {
            retried: true,
            ..outcome
        }
    }

    async fn try_once(&self, ask: &Ask, door: usize) -> Result<Outcome, (String, Option<Duration>)> {
        let Ask {
            method,
            path,
            token,
            key,
            body,
        } = ask;
        let sent = self
            .send(method, path, token.as_deref(), key.as_deref(), body.as_ref(), door)
            .await;
        let reply = sent.map_err(|error| (format!("{method} {path}: {error:#}"), None))?;
        let id = || reply.text("id").ok();
        match (reply.status, key.is_some()) {
            (201, true) => Ok(Outcome {
                confirmed: id(),
                ..Outcome::default()
            }),
            (202, true) => Ok(Outcome {
                pending: id(),
                ..Outcome::default()
            }),
            (200, false) => Ok(Outcome::default()),
            (status, _) => Err((
                format!("{method} {path}: {status} {}", reply.body["code"]),
                reply.retry_after,
            )),
        }
    }

    /// The access token in the answer.
    pub(super) async fn token(&self, path: &str, body: &Value) -> Result<String> {
        let reply = self.send(&Method::POST, path, None, None, Some(body), 0).await?;
        ensure!(
            matches!(reply.status, 200 | 201),
            "{path} answered {}: {}",
            reply.status,
            reply.body
        );
        reply.text("access_token")
    }

    pub(super) async fn send(
        &self,
        method: &Method,
        path: &str,
        token: Option<&str>,
        key: Option<&str>,
        body: Option<&Value>,
        door: usize,
    ) -> Result<Reply> {
        let door = &self.doors[door % self.doors.len()];
        let mut request = Request::builder().method(method.clone()).uri(format!("{door}{path}"));
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::new(Bytes::from(body)))?;
        let exchange = async {
            let response = self.pool.request(request).await?;
            let (head, body) = response.into_parts();
            let retry_after = head
                .headers
                .get(header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse().ok());
            let body = body.collect().await?.to_bytes();
            Ok(Reply {
                status: head.status.as_u16(),
                retry_after: retry_after.map(Duration::from_secs),
                body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            })
        };
        timeout(PATIENCE, exchange).await.context("no answer in time")?
    }
}
