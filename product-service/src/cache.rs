//! Answers kept in memory as the bytes they are sent as: an answer from here costs no query and no JSON.
//!
//! An answer lives a second at the most, so that what it says of stock is never older, and ends at once when the
//! catalogue changes at its product (see [`Freshness`](platform_events::Freshness)). Where no news of a change can be
//! lost, because none comes from another process, an answer that every change ends lives longer: a shop of a thousand
//! products would otherwise read each of them again every second. A thousand requests for what is not kept are one query.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use moka::future::Cache;
use platform_runtime::extract::etag;
use tokio::time::Instant;

/// How long an answer lives.
const LIFETIME: Duration = Duration::from_secs(1);
/// How long where every change is heard of. It is not for ever, in case one is not.
const LIFETIME_WITH_NEWS: Duration = Duration::from_secs(10);
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
pub(crate) struct Answers<K> {
    kept: Cache<K, Kept>,
    hears_all: Arc<AtomicBool>,
}

#[derive(Clone)]
struct Kept {
    answer: Answer,
    mark: u64,
    made: Instant,
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
            .time_to_live(LIFETIME_WITH_NEWS);
        Self {
            kept: cache.build(),
            hears_all: Arc::default(),
        }
    }

    /// From now on every change of what an answer says moves its mark.
    pub(crate) fn trust_marks(&self) {
        self.hears_all.store(true, Ordering::Relaxed);
    }

    fn lifetime(&self) -> Duration {
        if self.hears_all.load(Ordering::Relaxed) {
            LIFETIME_WITH_NEWS
        } else {
            LIFETIME
        }
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
            if let Some(kept) = self.kept.get(&key).await {
                if kept.mark == mark() && kept.made.elapsed() < self.lifetime() {
                    return Ok(kept.answer);
                }
                self.kept.invalidate(&key).await;
            }
            let made = async {
                let (mark, made) = (mark(), Instant::now());
                make().await.map(|answer| Kept { answer, mark, made })
            };
            let kept = self.kept.try_get_with_by_ref(&key, made).await?;
            if kept.mark == mark() {
                return Ok(kept.answer);
            }
        }
        Ok(make().await?)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::AtomicU64;

    use super::*;

    /// How often an answer is made that is asked for three times, a second and a bit apart, and changes before the third.
    async fn times_made(hears_all: bool) -> u64 {
        let answers = Answers::new(1_000_000);
        if hears_all {
            answers.trust_marks();
        }
        let (made, changes) = (AtomicU64::new(0), AtomicU64::new(0));
        let ask = async || {
            let make = || async {
                made.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Infallible>(Answer::of_body(b"{}".to_vec()))
            };
            answers.get(1, || changes.load(Ordering::Relaxed), make).await.unwrap();
        };
        for changed in [0, 0, 1] {
            changes.fetch_add(changed, Ordering::Relaxed);
            ask().await;
            ask().await;
            tokio::time::advance(Duration::from_millis(1_100)).await;
        }
        tokio::time::advance(LIFETIME_WITH_NEWS).await;
        ask().await;
        made.into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_ends_after_a_second_or_where_every_change_is_heard_of_with_a_change() {
        assert_eq!(times_made(false).await, 4);
        assert_eq!(times_made(true).await, 3);
    }
}
