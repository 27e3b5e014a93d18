//! The connection: made again for ever, and never waited for by those who publish.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{Client, ConnectOptions, Event, ServerAddr, jetstream};
use percent_encoding::percent_decode_str;
use platform_clock::Clock;
use tokio::sync::watch;

use super::{NatsConfig, NatsError, unavailable};
use crate::BusError;

/// Commands that may wait for the connection to take them, and messages for a subscription to take them.
const QUEUE: usize = 1_024;
/// A server that answers no ping for two of these is gone.
const PING_EVERY: Duration = Duration::from_secs(5);
/// The longest pause between two tries to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A connection that comes and goes.
pub(super) struct Link {
    client: Client,
    jetstream: jetstream::Context,
    up: watch::Receiver<bool>,
}

impl Link {
    /// Begins to connect and waits a moment for it.
    pub(super) async fn open(config: &NatsConfig, process: &str, clock: Arc<dyn Clock>) -> Result<Self, NatsError> {
        let servers = servers(&config.url)?;
        let (report, up) = watch::channel(false);
        let report = Arc::new(Report {
            up: report,
            has_said_why: AtomicBool::new(false),
        });
        let mut options = ConnectOptions::new()
            .name(process)
            .retry_on_initial_connect()
            .max_reconnects(None)
            .reconnect_delay_callback(move |attempt| pause(attempt, clock.fraction()))
            .connection_timeout(Duration::from_secs(2))
            .ping_interval(PING_EVERY)
            .request_timeout(Some(config.timings.publish))
            .client_capacity(QUEUE)
            .subscription_capacity(QUEUE)
            .event_callback(move |event| {
                let report = report.clone();
                async move { report.take(&event) }
            });
        options = with_login(options, &servers);
        if let Some(path) = &config.credentials_file {
            let read = options.credentials_file(path).await;
            options = read.map_err(|source| NatsError::Credentials {
                path: path.clone(),
                source,
            })?;
        }
        if let Some(path) = &config.ca_file {
            // The client would find out with every try to connect, and not say so.
            std::fs::File::open(path).map_err(|source| NatsError::Authorities {
                path: path.clone(),
                source,
            })?;
            options = options.add_root_certificates(path.clone());
        }
        let client = options.connect(servers).await;
        let client = client.map_err(|error| NatsError::Setup(error.into()))?;
        let jetstream = ContextBuilder::new()
            .timeout(config.timings.publish)
            .ack_timeout(config.timings.publish)
            .max_ack_inflight(QUEUE)
            .backpressure_on_inflight(true)
            .build(client.clone());
        let link = Self { client, jetstream, up };
        if tokio::time::timeout(config.timings.first_wait, link.until_up())
            .await
            .is_err()
        {
            tracing::warn!("NATS is away: events wait until it is there");
        }
        Ok(link)
    }

    pub(super) fn jetstream(&self) -> &jetstream::Context {
        &self.jetstream
    }

    pub(super) fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    pub(super) async fn until_up(&self) {
        self.until(true).await;
    }

    pub(super) async fn until_down(&self) {
        self.until(false).await;
    }

    async fn until(&self, wanted: bool) {
        if self.up.clone().wait_for(|up| *up == wanted).await.is_err() {
            // The client has ended with the runtime, and so will we.
            std::future::pending::<()>().await;
        }
    }

    /// Whether JetStream answers.
    pub(super) async fn ping(&self) -> Result<(), BusError> {
        if !self.is_up() {
            return Err(unavailable("NATS is away"));
        }
        let account = self.jetstream.query_account().await;
        account.map(drop).map_err(unavailable)
    }
}

/// Says once that the connection has come or gone, and why it does not come.
struct Report {
    up: watch::Sender<bool>,
    has_said_why: AtomicBool,
}

impl Report {
    fn take(&self, event: &Event) {
        match event {
            Event::Connected => self.turn(true),
            Event::Disconnected | Event::Closed => self.turn(false),
            event if *self.up.borrow() => tracing::warn!(%event, "NATS reports"),
            event if !self.has_said_why.swap(true, Ordering::Relaxed) => {
                tracing::warn!(%event, "NATS cannot be reached");
            }
            event => tracing::debug!(%event, "NATS cannot be reached"),
        }
    }

    fn turn(&self, is_up: bool) {
        metrics::gauge!("nats_connected").set(f64::from(u8::from(is_up)));
        self.has_said_why.store(false, Ordering::Relaxed);
        if self.up.send_replace(is_up) == is_up {
            return;
        }
        if is_up {
            tracing::info!("NATS is there");
        } else {
            tracing::warn!("NATS is away: events wait until it is back");
        }
    }
}

/// What an address, or several, stand for.
pub(super) fn servers(url: &str) -> Result<Vec<ServerAddr>, NatsError> {
    let parts = url.split(',').map(str::trim).filter(|part| !part.is_empty());
    let servers: Result<Vec<ServerAddr>, NatsError> = parts.map(server).collect();
    servers.and_then(|servers| {
        if servers.is_empty() {
            Err(NatsError::Url)
        } else {
            Ok(servers)
        }
    })
}

fn server(text: &str) -> Result<ServerAddr, NatsError> {
    let server: ServerAddr = text.parse().map_err(|_| NatsError::Url)?;
    let is_known = ["nats", "tls"].contains(&server.scheme());
    if is_known && !server.host().is_empty() {
        Ok(server)
    } else {
        Err(NatsError::Url)
    }
}

/// The login that an address carries: user and password, or a token. One of several servers may carry it for all.
fn with_login(options: ConnectOptions, servers: &[ServerAddr]) -> ConnectOptions {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut logins = servers
        .iter()
        .filter_map(|server| server.username().map(|user| (user, server.password())));
    match logins.next() {
        None => options,
        Some((token, None)) => options.token(decode(token)),
        Some((user, Some(password))) => options.user_and_password(decode(user), decode(password)),
    }
}

/// None before the first try, then doubling, with jitter.
fn pause(attempt: usize, fraction: f64) -> Duration {
    if attempt <= 1 {
        return Duration::ZERO;
    }
    let doubled = Duration::from_millis(25).saturating_mul(1 << attempt.min(16));
    doubled.min(LONGEST_PAUSE).mul_f64(0.5 + fraction / 2.0)
}
