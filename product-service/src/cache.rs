//! Answers kept in memory as the bytes they are sent as: an answer from here costs no query and no JSON.
//!
//! An answer lives a second at the most, so that what it says of stock is never older, and ends at once when the
//! catalogue changes at its product (see [`Freshness`](platform_events::Freshness)). A thousand requests for what is
//! not kept are one query.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use moka::future::Cache;
use platform_runtime::extract::etag;

/// How long an answer lives.
const LIFETIME: Duration = Duration::from_secs(1);
/// How often an answer that went stale while it was made is made again, before one is made that is not kept.
const TRIES: usize = 3;

/// A body with its entity tag.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) body: Bytes,
    pub(crate) etag: HeaderValue,
}

impl Answer {
    /// Of a body with a version.
    pub(crate) fn of_version(version: i64, body: Vec<u8>) -> Self {
        Self::tagged(etag::of_version(version, &body), body)
    }

    /// Of a body without one.
    pub(crate) fn of_body(body: Vec<u8>) -> Self {
        Self::tagged(etag::of_body(&body), body)
    }

    fn tagged(etag: String, body: Vec<u8>) -> Self {
        Self {
            body: body.into(),
            etag: HeaderValue::try_from(etag).expect("numbers and hexadecimal digits are visible ASCII"),
        }
    }
}

/// Answers by key, bounded by their size.
#[derive(Clone)]
pub(crate) struct Answers<K>(Cache<K, Kept>);

#[derive(Clone)]
struct Kept {
    answer: Answer,
    mark: u64,
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Answers<K> {
    /// At most so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        // A kilobyte for what the cache itself keeps with an answer.
        let weigh = |_: &K, kept: &Kept| {
            u32::try_from(kept.answer.body.len())
                .unwrap_or(u32::MAX)
                .saturating_add(1024)
        };
        let cache = Cache::builder()
            .weigher(weigh)
            .max_capacity(bytes)
            .time_to_live(LIFETIME);
        Self(cache.build())
    }

    /// The answer, made if there is none that bears the present mark. Errors are not kept.
    pub(crate) async fn get<E, W>(
        &self,
        key: K,
        mark: impl Fn() -> u64 + Send + Sync,
        make: impl Fn() -> W + Send + Sync,
    ) -> Result<Answer, Arc<E>>
    where
        E: Send + Sync + 'static,
        W: Future<Output = Result<Answer, E>> + Send,
    {
        for _ in 0..TRIES {
            if let Some(kept) = self.0.get(&key).await {
                if kept.mark == mark() {
                    return Ok(kept.answer);
                }
                self.0.invalidate(&key).await;
            }
            let made = async {
                let mark = mark();
                make().await.map(|answer| Kept { answer, mark })
            };
            let kept = self.0.try_get_with_by_ref(&key, made).await?;
            if kept.mark == mark() {
                return Ok(kept.answer);
            }
        }
        Ok(make().await?)
    }
}
