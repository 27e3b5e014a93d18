//! The public keys that tokens are verified with, fetched from auth and kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::JwkSet;
use platform_clock::Clock;
use tokio::sync::Mutex;
use values::Timestamp;

/// Where the key set comes from: auth-service in this process, or over the wire.
#[async_trait]
pub trait JwksSource: Send + Sync + 'static {
    /// The key set as it is now.
    async fn fetch(&self) -> Result<JwkSet, JwksError>;
}

/// The key set could not be had. Verification goes on with the last good one.
#[derive(Debug, thiserror::Error)]
#[error("the key set cannot be fetched: {0}")]
pub struct JwksError(pub String);

/// The last good key set, refreshed when a token names a key that is not in it.
pub struct Keys {
    source: Arc<dyn JwksSource>,
    clock: Arc<dyn Clock>,
    current: ArcSwapOption<HashMap<String, DecodingKey>>,
    last_attempt: Mutex<Option<Timestamp>>,
}

impl Keys {
    /// At most one fetch in this time, however many tokens name unknown keys.
    const MIN_INTERVAL: Duration = Duration::from_secs(10);

    /// How often [`Keys::keep_fresh`] asks again, so that a withdrawn key is forgotten.
    const REFRESH_EVERY: Duration = Duration::from_mins(5);

    /// No key yet; [`Keys::seen`] is false until the first fetch succeeds.
    pub fn new(source: Arc<dyn JwksSource>, clock: Arc<dyn Clock>) -> Self {
        Self {
            source,
            clock,
            current: ArcSwapOption::empty(),
            last_attempt: Mutex::new(None),
        }
    }

    /// Whether a key set was ever had. A process without one is not ready.
    pub fn seen(&self) -> bool {
        self.current.load().is_some()
    }

    /// Fetches now, whatever the interval says; for the start of a process and after a rotation in the same process.
    pub async fn refresh(&self) -> Result<(), JwksError> {
        let mut last_attempt = self.last_attempt.lock().await;
        *last_attempt = Some(self.clock.now());
        self.fetch().await
    }

    /// Fetches the keys until there are some, then again every five minutes, for as long as it is polled.
    pub async fn keep_fresh(&self) {
        loop {
            let wait = match self.refresh().await {
                Ok(()) => Self::REFRESH_EVERY,
                Err(error) => {
                    tracing::warn!(%error, "going on with the last good keys");
                    if self.seen() {
                        Self::MIN_INTERVAL
                    } else {
                        Duration::from_secs(1)
                    }
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// The key of that id; asks auth once if it is not known.
    pub(crate) async fn find(&self, kid: &str) -> Option<DecodingKey> {
        if let Some(key) = self.known(kid) {
            return Some(key);
        }
        let mut last_attempt = self.last_attempt.lock().await;
        if let Some(key) = self.known(kid) {
            return Some(key);
        }
        let now = self.clock.now();
        if last_attempt.is_some_and(|at| now.since(at) < Self::MIN_INTERVAL) {
            return None;
        }
        *last_attempt = Some(now);
        if let Err(error) = self.fetch().await {
            tracing::warn!(%error, "going on with the last good keys");
        }
        self.known(kid)
    }

    fn known(&self, kid: &str) -> Option<DecodingKey> {
        self.current.load().as_ref().and_then(|keys| keys.get(kid).cloned())
    }

    async fn fetch(&self) -> Result<(), JwksError> {
        let set = self.source.fetch().await?;
        let mut keys = HashMap::new();
        for jwk in &set.keys {
            let (Some(kid), Ok(key)) = (&jwk.common.key_id, DecodingKey::from_jwk(jwk)) else {
                continue;
            };
            keys.insert(kid.clone(), key);
        }
        if keys.is_empty() {
            return Err(JwksError("it has no usable key".to_owned()));
        }
        self.current.store(Some(Arc::new(keys)));
        Ok(())
    }
}
