//! How a process reaches NATS and what it asks of the stream.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::link;
use crate::Retries;

/// A NATS server, or a cluster, as this process reaches it.
#[derive(Clone)]
pub struct NatsConfig {
    /// `nats://user:password@host:4222` or `tls://..`, several with commas between; never shown.
    pub url: String,
    /// A `.creds` file, where accounts are decentralised.
    pub credentials_file: Option<PathBuf>,
    /// Certificates to trust beside the system's, for `tls://`.
    pub ca_file: Option<PathBuf>,
    /// What is asked of the stream.
    pub limits: StreamLimits,
    /// How durable subscribers are tried.
    pub retries: Retries,
    /// How long things may take.
    pub timings: NatsTimings,
}

impl NatsConfig {
    /// A server with the usual everything.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            credentials_file: None,
            ca_file: None,
            limits: StreamLimits::default(),
            retries: Retries::default(),
            timings: NatsTimings::default(),
        }
    }

    /// Whether a text can be a [`NatsConfig::url`].
    pub fn is_address(text: &str) -> bool {
        link::servers(text).is_ok()
    }
}

impl fmt::Debug for NatsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsConfig")
            .field("url", &"***")
            .field("credentials_file", &self.credentials_file)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// What an operator asks of the stream. What is not asked for is left as it is, and has the usual value in a new stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamLimits {
    /// Servers of a cluster that keep a copy of each event, 1 to 5; usually 1.
    pub replicas: Option<usize>,
    /// How long events are kept; usually, and at most, the 7 days for which outboxes keep them.
    pub max_age: Option<Duration>,
    /// How much is kept before the oldest goes; usually 1 GiB.
    pub max_bytes: Option<u64>,
}

/// The durations of the protocol, for tests to shorten.
#[derive(Debug, Clone, Copy)]
pub struct NatsTimings {
    /// How long `connect` waits for a server before it leaves it to come.
    pub first_wait: Duration,
    /// How long a message may take to be sent and acknowledged.
    pub publish: Duration,
    /// How long the server waits for an acknowledgement before it gives an event again, to whoever has the lease then.
    pub ack_wait: Duration,
    /// How long a lease lasts without being renewed, at least a second.
    pub lease: Duration,
    /// How long a consumer is waited on before it is asked again.
    pub poll: Duration,
    /// The longest pause before a broken session is begun anew.
    pub longest_pause: Duration,
}

impl Default for NatsTimings {
    fn default() -> Self {
        Self {
            first_wait: Duration::from_secs(2),
            publish: Duration::from_secs(5),
            ack_wait: Duration::from_secs(10),
            lease: Duration::from_secs(10),
            poll: Duration::from_secs(10),
            longest_pause: Duration::from_secs(5),
        }
    }
}
