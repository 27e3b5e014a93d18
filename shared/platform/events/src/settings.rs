//! Which bus a process has, as an operator sets it.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use platform_clock::Clock;
use platform_runtime::health::Health;
use platform_runtime::settings::{FromSettings, Secret, Settings, SettingsError};

use crate::delivery::chain;
use crate::{Bus, InProcessBus, NatsBus, NatsConfig, NatsError, StreamLimits};

const REPLICAS: RangeInclusive<usize> = 1..=5;
/// No longer than outboxes keep events, and inboxes know them.
const MAX_AGE: RangeInclusive<Duration> = Duration::from_mins(10)..=Duration::from_hours(7 * 24);
const MIN_BYTES: u64 = 1 << 20;

/// The settings `NATS_*`.
///
/// A main reads them, calls [`EventsConfig::require`] where its process is one of several, then
/// [`EventsConfig::connect`] and [`EventsConfig::checks`], and [`Bus::close`] when it has served its last request.
#[derive(Debug, Clone)]
pub struct EventsConfig {
    /// None: events stay within the process.
    pub nats: Option<NatsConfig>,
}

impl FromSettings for EventsConfig {
    fn load(settings: &mut Settings) -> Self {
        let url = settings.secret(
            "NATS_URL",
            "nats:// or tls://[user:password@]host:port, of NATS with JetStream; unset: events stay within the process",
        );
        let credentials_file: Option<PathBuf> =
            settings.optional("NATS_CREDS_FILE", "credentials (.creds) of a NATS user");
        let ca_file: Option<PathBuf> = settings.optional(
            "NATS_CA_FILE",
            "certificates (PEM) to trust at tls:// beside the system's",
        );
        let limits = limits(settings);
        if let Some(url) = &url
            && !NatsConfig::is_address(url.expose())
        {
            settings.invalid("NATS_URL", NatsError::Url);
        }
        let nats = url.as_ref().map(Secret::expose).map(|url| NatsConfig {
            credentials_file,
            ca_file,
            limits,
            ..NatsConfig::new(url)
        });
        Self { nats }
    }
}

impl EventsConfig {
    /// Refuses to go on without NATS where events have to reach other processes; `because` says why they do.
    pub fn require(&self, because: &str) -> Result<(), SettingsError> {
        match self.nats {
            Some(_) => Ok(()),
            None => Err(SettingsError::new("NATS_URL", format_args!("must be set: {because}"))),
        }
    }

    /// Refuses to go on where somebody serves the same schemas and would not hear of what this process does, nor it of them.
    pub fn refuse_company(&self) -> SettingsError {
        let reason = match self.nats {
            Some(_) => "another process serves these schemas without it: stop that one, or give it the same",
            None => "must be set: another process serves these schemas",
        };
        SettingsError::new("NATS_URL", reason)
    }

    /// The bus of this process, which NATS knows as `process`. A server that is away is no error.
    pub async fn connect(&self, process: &str, clock: Arc<dyn Clock>) -> Result<Arc<dyn Bus>, SettingsError> {
        let Some(nats) = &self.nats else {
            return Ok(Arc::new(InProcessBus::new(clock)));
        };
        match NatsBus::connect(nats.clone(), process, clock).await {
            Ok(bus) => Ok(Arc::new(bus)),
            Err(error) => Err(SettingsError::new(setting(&error), chain(&error))),
        }
    }

    /// Names NATS among what the process works with, if it does. Without it the process is ready all the same.
    pub fn checks(&self, bus: &Arc<dyn Bus>, health: Health) -> Health {
        if self.nats.is_none() {
            return health;
        }
        let bus = bus.clone();
        health.informational("nats", move || {
            let bus = bus.clone();
            async move { bus.ping().await.map_err(|_| "away: events wait".to_owned()) }
        })
    }
}

fn setting(error: &NatsError) -> &'static str {
    match error {
        NatsError::Url | NatsError::Setup(_) => "NATS_URL",
        NatsError::Credentials { .. } => "NATS_CREDS_FILE",
        NatsError::Authorities { .. } => "NATS_CA_FILE",
    }
}

fn limits(settings: &mut Settings) -> StreamLimits {
    let replicas = settings.optional(
        "NATS_STREAM_REPLICAS",
        "copies of the stream of events, 1 to 5; unset: left as it is, 1 in a new one",
    );
    let max_age = settings.optional_duration(
        "NATS_STREAM_MAX_AGE",
        "how long it keeps events, at most 168h; unset: left as it is, 168h in a new one",
    );
    let max_bytes = settings.optional(
        "NATS_STREAM_MAX_BYTES",
        "how many bytes it keeps; unset: left as it is, 1073741824 in a new one",
    );
    if replicas.is_some_and(|replicas| !REPLICAS.contains(&replicas)) {
        settings.invalid("NATS_STREAM_REPLICAS", "is not from 1 to 5");
    }
    if max_age.is_some_and(|age| !MAX_AGE.contains(&age)) {
        settings.invalid("NATS_STREAM_MAX_AGE", "is not from 10m to 168h");
    }
    if max_bytes.is_some_and(|bytes| bytes < MIN_BYTES) {
        settings.invalid("NATS_STREAM_MAX_BYTES", "is less than 1048576");
    }
    StreamLimits {
        replicas,
        max_age,
        max_bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(values: &[(&str, &str)]) -> Result<EventsConfig, String> {
        let loaded = Settings::from_map(values.iter().copied()).load::<EventsConfig>();
        loaded.map(|(config, _)| config).map_err(|error| error.to_string())
    }

    #[test]
    fn without_an_address_events_stay_within_the_process_unless_they_must_not() {
        let config = load(&[]).unwrap();
        assert!(config.nats.is_none());
        let refusal = config.require("orders are served elsewhere").unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "NATS_URL: must be set: orders are served elsewhere"
        );
    }

    #[test]
    fn what_is_set_is_taken() {
        let config = load(&[
            ("NATS_URL", "tls://a:4222,tls://b:4222"),
            ("NATS_CREDS_FILE", "/run/secrets/nats.creds"),
            ("NATS_STREAM_REPLICAS", "3"),
            ("NATS_STREAM_MAX_AGE", "24h"),
            ("NATS_STREAM_MAX_BYTES", "2000000"),
        ]);
        let config = config.unwrap();
        assert!(config.require("").is_ok());
        let nats = config.nats.unwrap();
        assert_eq!(nats.url, "tls://a:4222,tls://b:4222");
        assert_eq!(nats.credentials_file.unwrap().to_str(), Some("/run/secrets/nats.creds"));
        let expected = StreamLimits {
            replicas: Some(3),
            max_age: Some(Duration::from_hours(24)),
            max_bytes: Some(2_000_000),
        };
        assert_eq!(nats.limits, expected);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_is_refused_by_name() {
        for name in ["NATS_CREDS_FILE", "NATS_CA_FILE"] {
            let config = load(&[("NATS_URL", "nats://127.0.0.1:1"), (name, "/nowhere/at/all")]).unwrap();
            let refusal = config
                .connect("test", Arc::new(platform_clock::SystemClock))
                .await
                .err();
            let refusal = refusal.unwrap().to_string();
            assert!(
                refusal.starts_with(&format!("{name}: /nowhere/at/all cannot be used: ")),
                "{refusal}"
            );
        }
    }

    #[test]
    fn what_cannot_be_is_refused_by_name_and_without_a_password() {
        let refusal = load(&[("NATS_URL", "http://stoa:s3cret@here"), ("NATS_STREAM_REPLICAS", "7")]).unwrap_err();
        assert_eq!(
            refusal,
            "NATS_STREAM_REPLICAS: is not from 1 to 5; \
             NATS_URL: not a nats:// or tls:// address, or several with commas between"
        );
        for (name, bad) in [
            ("NATS_STREAM_MAX_AGE", "8d"),
            ("NATS_STREAM_MAX_AGE", "200h"),
            ("NATS_STREAM_MAX_BYTES", "1"),
        ] {
            let refusal = load(&[(name, bad)]).unwrap_err();
            assert!(refusal.starts_with(name), "{refusal}");
        }
    }
}
