//! Answers kept in memory as the bytes they are sent as: an answer from here costs no query and no JSON.
//!
//! What an answer says of stock is at most a second old. It ends at once when this process writes its product or hears that
//! another did (see [`Freshness`](platform_events::Freshness)), and after a second, unless every change of the last moments is
//! known (see [`News`]): a shop of a thousand products would otherwise read each of them again every second. A thousand requests
//! for what is not kept are one query.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use moka::future::Cache;
use platform_runtime::extract::etag;
use tokio::time::Instant;

use crate::news::News;

/// How long an answer lives.
const LIFETIME: Duration = Duration::from_secs(1);
/// How long where every change is known. It is not for ever: nobody looks whether it is still asked for.
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
    /// Where every change of what an answer says is told.
    news: Option<Arc<News>>,
}

#[derive(Clone)]
struct Kept {
    answer: Answer,
    mark: u64,
    made: Instant,
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Answers<K> {
    /// At most so many bytes, of answers of which every change is among the news, if any are given.
    pub(crate) fn new(bytes: u64, news: Option<Arc<News>>) -> Self {
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
            news,
        }
    }

    async fn is_current(&self, kept: &Kept, mark: impl Fn() -> u64) -> bool {
        if kept.mark != mark() {
            return false;
        }
        let age = kept.made.elapsed();
        match &self.news {
            _ if age < LIFETIME => true,
            Some(news) if age < LIFETIME_WITH_NEWS => news.are_known().await && kept.mark == mark(),
            _ => false,
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
                if self.is_current(&kept, &mark).await {
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
    use std::sync::atomic::{AtomicU64, Ordering};

    use platform_clock::{Clock as _, ManualClock};
    use platform_events::Freshness;

    use super::*;
    use crate::news::tests::Log;

    /// What asks for one answer, in a process that hears of changes by its outbox alone.
    struct Asking {
        log: Arc<Log>,
        freshness: Arc<Freshness>,
        answers: Answers<u8>,
        made: AtomicU64,
        id: uuid::Uuid,
    }

    impl Asking {
        async fn new(log: Log) -> Self {
            let (log, freshness, clock) = (Arc::new(log), Arc::<Freshness>::default(), ManualClock::default());
            let id = clock.new_id();
            let news = Arc::new(News::new(log.clone(), Arc::new(clock), freshness.clone()));
            // The first look finds out where to begin.
            news.are_known().await;
            Self {
                log,
                freshness,
                answers: Answers::new(1_000_000, Some(news)),
                made: AtomicU64::new(0),
                id,
            }
        }

        /// How often the answer has been made after it was asked for at every moment for so long.
        async fn made_after(&self, duration: Duration) -> u64 {
            let until = Instant::now() + duration;
            while Instant::now() < until {
                let make = || async {
                    self.made.fetch_add(1, Ordering::Relaxed);
                    Ok::<_, Infallible>(Answer::of_body(b"{}".to_vec()))
                };
                self.answers.get(1, || self.freshness.of(self.id), make).await.unwrap();
                tokio::time::advance(Duration::from_millis(100)).await;
            }
            self.made.load(Ordering::Relaxed)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_outlives_a_second_while_nothing_changes_and_never_a_change_that_no_event_tells_of() {
        let asking = Asking::new(Log::default()).await;
        assert_eq!(asking.made_after(Duration::from_secs(9)).await, 1);
        assert_eq!(asking.log.looks(), 9, "one a second");
        asking.log.append("stock.changed.v1", asking.id);
        assert_eq!(asking.made_after(Duration::from_millis(1_100)).await, 2);
        assert_eq!(asking.made_after(Duration::from_secs(12)).await, 3, "not for ever");
    }

    #[tokio::test(start_paused = true)]
    async fn where_changes_are_not_known_an_answer_lives_a_second() {
        let asking = Asking::new(Log::that_fails()).await;
        assert_eq!(asking.made_after(Duration::from_secs(3)).await, 3);
    }
}
