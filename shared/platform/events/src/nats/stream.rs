//! The one stream that holds every event.
//!
//! It listens to the kinds of things that some process publishes or subscribes to, and grows with them, so nobody needs
//! to know them all. Nothing else of a stream that is there is changed but what an operator asks for.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{Context, ErrorCode};
use tokio::sync::Mutex;

use super::{Broken, StreamLimits, subjects};

/// Its name, in every shop: shops that share servers have accounts of their own.
pub(super) const NAME: &str = "stoa";

/// An event that a relay publishes again within this time is known to the stream. What comes later, inboxes know.
const DUPLICATE_WINDOW: Duration = Duration::from_mins(5);
const MAX_AGE: Duration = Duration::from_hours(7 * 24);
const MAX_BYTES: u64 = 1 << 30;
/// Other processes make and change the stream at the same time; each time one of them has its way.
const TRIES: usize = 10;

/// The stream as this process knows it.
pub(super) struct EventStream {
    jetstream: Context,
    limits: StreamLimits,
    /// What it is known to listen to.
    covered: Mutex<BTreeSet<String>>,
    said: AtomicBool,
}

impl EventStream {
    pub(super) fn new(jetstream: Context, limits: StreamLimits) -> Self {
        Self {
            jetstream,
            limits,
            covered: Mutex::default(),
            said: AtomicBool::new(false),
        }
    }

    /// Sees to it that the stream holds some subjects, at no cost if it was seen to before.
    pub(super) async fn cover<'a>(&self, wanted: impl Iterator<Item = &'a str>) -> Result<(), Broken> {
        let mut covered = self.covered.lock().await;
        let missing: BTreeSet<String> = wanted
            .filter_map(subjects::home)
            .filter(|home| !covered.contains(home))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let stream = self.with(&missing).await?;
        covered.extend(stream.cached_info().config.subjects.iter().cloned());
        Ok(())
    }

    /// What was known does not hold any more: the stream is gone or was changed.
    pub(super) async fn forget(&self) {
        self.covered.lock().await.clear();
    }

    /// The stream as it is now, holding some subjects; made or changed as far as it needs to be.
    pub(super) async fn holding(&self, filters: &[String]) -> Result<Stream, Broken> {
        let homes = filters.iter().filter_map(|filter| subjects::home(filter));
        self.with(&homes.collect()).await
    }

    async fn with(&self, homes: &BTreeSet<String>) -> Result<Stream, Broken> {
        let mut refusal: Broken = "the stream is changed all the time".into();
        for _ in 0..TRIES {
            let stream = match self.jetstream.get_stream(NAME).await {
                Ok(stream) => stream,
                Err(error) if is_absent(&error.kind()) => {
                    match self.jetstream.create_stream(self.fresh(homes)).await {
                        Ok(_) => tracing::info!(stream = NAME, "the stream was made"),
                        Err(error) => refusal = error.into(),
                    }
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let present = &stream.cached_info().config;
            let (wanted, changes) = self.changes(present, homes);
            if changes.is_empty() {
                self.compare(present);
                return Ok(stream);
            }
            match self.jetstream.update_stream(wanted).await {
                Ok(_) => tracing::info!(stream = NAME, changes, "the stream was changed"),
                Err(error) => refusal = format!("the stream cannot be changed ({changes}): {error}").into(),
            }
        }
        Err(refusal)
    }

    fn fresh(&self, homes: &BTreeSet<String>) -> Config {
        let max_age = self.limits.max_age.unwrap_or(MAX_AGE);
        Config {
            name: NAME.to_owned(),
            description: Some("What happened in the shop".to_owned()),
            subjects: homes.iter().cloned().collect(),
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            discard: DiscardPolicy::Old,
            max_age,
            max_bytes: as_bytes(self.limits.max_bytes.unwrap_or(MAX_BYTES)),
            duplicate_window: DUPLICATE_WINDOW.min(max_age),
            num_replicas: self.limits.replicas.unwrap_or(1),
            ..Config::default()
        }
    }

    /// What the stream should be like, and how that differs from what it is like.
    fn changes(&self, present: &Config, homes: &BTreeSet<String>) -> (Config, String) {
        let mut wanted = present.clone();
        let mut changes = String::new();
        for home in homes.iter().filter(|home| !present.subjects.contains(home)) {
            wanted.subjects.push(home.clone());
            let _ = write!(changes, "+ {home}; ");
        }
        if let Some(replicas) = self.limits.replicas.filter(|asked| *asked != present.num_replicas) {
            wanted.num_replicas = replicas;
            let _ = write!(changes, "replicas {} -> {replicas}; ", present.num_replicas);
        }
        if let Some(max_age) = self.limits.max_age.filter(|asked| *asked != present.max_age) {
            wanted.max_age = max_age;
            wanted.duplicate_window = present.duplicate_window.min(max_age);
            let _ = write!(changes, "kept for {:?} -> {max_age:?}; ", present.max_age);
        }
        let max_bytes = self.limits.max_bytes.map(as_bytes);
        if let Some(max_bytes) = max_bytes.filter(|asked| *asked != present.max_bytes) {
            wanted.max_bytes = max_bytes;
            let _ = write!(changes, "bytes {} -> {max_bytes}; ", present.max_bytes);
        }
        (wanted, changes.trim_end_matches("; ").to_owned())
    }

    /// Says once, in one line, what somebody else made otherwise and cannot or should not be changed from here.
    fn compare(&self, present: &Config) {
        let rules = [
            (
                present.retention == RetentionPolicy::Limits,
                "its retention is not limits",
            ),
            (present.storage == StorageType::File, "it is not kept in files"),
            (!present.no_ack, "it acknowledges nothing"),
            (
                present.duplicate_window >= DUPLICATE_WINDOW.min(present.max_age),
                "its duplicate window is below 5 minutes",
            ),
        ];
        let broken: Vec<&str> = rules
            .iter()
            .filter(|(holds, _)| !holds)
            .map(|(_, what)| *what)
            .collect();
        if !broken.is_empty() && !self.said.swap(true, Ordering::Relaxed) {
            let differences = broken.join("; ");
            tracing::warn!(
                stream = NAME,
                differences,
                "the stream differs from what the bus relies on"
            );
        }
    }
}

fn is_absent(error: &GetStreamErrorKind) -> bool {
    matches!(error, GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

fn as_bytes(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
