//! Which of several replicas serves a durable subscription.
//!
//! A key in a bucket of JetStream that forgets: who makes it holds the lease, and loses it by not renewing it. A replica
//! that was held up for longer than that may work beside its successor for a moment. Then an event comes twice, or late;
//! none is lost.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::context::KeyValueErrorKind;
use async_nats::jetstream::kv::{Config, CreateErrorKind, Store, UpdateErrorKind};
use async_nats::jetstream::stream::StorageType;
use bytes::Bytes;
use tokio::time::Instant;

use super::Broken;

const BUCKET: &str = "stoa_leases";

/// A lease that is held until it is given back or not renewed.
pub(super) struct Lease {
    store: Store,
    key: String,
    holder: Bytes,
    revision: u64,
    lasts: Duration,
    renewed_at: Instant,
}

impl Lease {
    /// Waits for a lease and takes it.
    pub(super) async fn acquire(
        jetstream: &Context,
        replicas: usize,
        key: &str,
        holder: &str,
        lasts: Duration,
    ) -> Result<Self, Broken> {
        let store = bucket(jetstream, replicas, lasts).await?;
        let holder = Bytes::copy_from_slice(holder.as_bytes());
        loop {
            let renewed_at = Instant::now();
            match store.create(key, holder.clone()).await {
                Ok(revision) => {
                    return Ok(Self {
                        store,
                        key: key.to_owned(),
                        holder,
                        revision,
                        lasts,
                        renewed_at,
                    });
                }
                Err(error) if error.kind() == CreateErrorKind::AlreadyExists => tokio::time::sleep(lasts / 10).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Renews it until it is lost, and answers why it was.
    pub(super) async fn keep(&mut self) -> Broken {
        loop {
            tokio::time::sleep(self.lasts / 3).await;
            let now = Instant::now();
            match self.store.update(&self.key, self.holder.clone(), self.revision).await {
                Ok(revision) => {
                    self.revision = revision;
                    self.renewed_at = now;
                }
                Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => return error.into(),
                Err(error) if self.renewed_at.elapsed() > self.lasts * 2 / 3 => return error.into(),
                Err(_) => {}
            }
        }
    }

    /// Gives it back, so that nobody has to wait for its end.
    pub(super) async fn release(self) {
        let given_back = self.store.delete_expect_revision(&self.key, Some(self.revision)).await;
        if let Err(error) = given_back {
            tracing::debug!(error = %error, key = self.key, "a lease ends by itself");
        }
    }
}

async fn bucket(jetstream: &Context, replicas: usize, lasts: Duration) -> Result<Store, Broken> {
    let absent = match jetstream.get_key_value(BUCKET).await {
        Ok(store) => return Ok(store),
        Err(error) if error.kind() == KeyValueErrorKind::GetBucket => error,
        Err(error) => return Err(error.into()),
    };
    let config = Config {
        bucket: BUCKET.to_owned(),
        description: "Which replica serves a durable subscription".to_owned(),
        history: 1,
        max_age: lasts,
        storage: StorageType::File,
        num_replicas: replicas,
        ..Config::default()
    };
    match jetstream.create_key_value(config).await {
        Ok(store) => Ok(store),
        // Another process was first, or the first error was not that there is none.
        Err(_) => jetstream.get_key_value(BUCKET).await.map_err(|_| absent.into()),
    }
}
