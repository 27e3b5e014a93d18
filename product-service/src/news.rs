//! What has changed in the catalogue and on the shelf, whichever process wrote it: the outbox, read along.
//!
//! Events of the bus come sooner, and may be late or lost. The outbox holds every change with the transaction that made it: so one
//! look at it tells of a thousand products what is still true, where else each would be read again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use platform_clock::Clock;
use platform_events::{Freshness, OutboxLog, Place, StorageError};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::events::touch;

/// How old what is known may be.
const KNOWN_FOR: Duration = Duration::from_secs(1);
/// How soon after a look that could not tell another one is worth it.
const PAUSE: Duration = Duration::from_millis(250);
/// Rows of one look. Where more was written, everything counts as changed.
const MOST_ROWS: u32 = 20_000;

/// Touches what changed, when somebody asks whether it did.
pub(crate) struct News {
    log: Arc<dyn OutboxLog>,
    clock: Arc<dyn Clock>,
    freshness: Arc<Freshness>,
    reading: Mutex<Reading>,
    begun: Instant,
    /// Until when what is known is recent enough, in microseconds from `begun`.
    known_until: AtomicU64,
}

#[derive(Default)]
struct Reading {
    /// How far the outbox was read; none: where it begins is not known yet.
    place: Option<Place>,
    /// When the last look ended.
    looked_at: Option<Instant>,
}

impl News {
    pub(crate) fn new(log: Arc<dyn OutboxLog>, clock: Arc<dyn Clock>, freshness: Arc<Freshness>) -> Self {
        Self {
            log,
            clock,
            freshness,
            reading: Mutex::default(),
            begun: Instant::now(),
            known_until: AtomicU64::default(),
        }
    }

    /// Whether every change that was committed a second ago has moved its mark. Looks if need be, once for all who ask; `false`
    /// where it cannot tell.
    pub(crate) async fn are_known(&self) -> bool {
        if self.is_recent() {
            return true;
        }
        let mut reading = self.reading.lock().await;
        if self.is_recent() {
            return true;
        }
        if reading.looked_at.is_some_and(|looked| looked.elapsed() < PAUSE) {
            return false;
        }
        // Longer would be too late, and all who ask wait.
        match timeout(KNOWN_FOR, self.look(&mut reading.place)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(
                error = &error as &dyn std::error::Error,
                "whether products changed is not known"
            ),
            Err(_) => tracing::debug!("whether products changed is not known in time"),
        }
        reading.looked_at = Some(Instant::now());
        self.is_recent()
    }

    async fn look(&self, place: &mut Option<Place>) -> Result<(), StorageError> {
        let (asked, asked_at) = (Instant::now(), self.clock.now());
        let Some(reading) = place else {
            *place = Some(self.log.end(asked_at).await?);
            self.freshness.touch_all();
            return Ok(());
        };
        let rows = self.log.after(reading, MOST_ROWS).await?;
        if rows.len() == MOST_ROWS as usize {
            *place = None;
            return Ok(());
        }
        let passed = reading.pass(&rows, asked_at, self.log.settles_after());
        for row in &rows[..passed] {
            if let Err(error) = touch(&self.freshness, row.topic(), &row.subject) {
                tracing::error!(error = %error, seq = row.seq, "an event of a product names none");
            }
        }
        if passed == rows.len() {
            let known_until = (asked - self.begun + KNOWN_FOR).as_micros();
            let known_until = u64::try_from(known_until).unwrap_or(u64::MAX);
            self.known_until.store(known_until, Ordering::Release);
        }
        Ok(())
    }

    fn is_recent(&self) -> bool {
        let known_until = Duration::from_micros(self.known_until.load(Ordering::Acquire));
        self.begun.elapsed() < known_until
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicUsize;

    use async_trait::async_trait;
    use platform_clock::ManualClock;
    use platform_events::Appended;
    use uuid::Uuid;
    use values::Timestamp;

    use super::*;

    /// An outbox that is told what is in it.
    #[derive(Default)]
    pub(crate) struct Log {
        rows: Mutex<Vec<Appended>>,
        fails: bool,
        hangs: bool,
        looks: AtomicUsize,
    }

    impl Log {
        pub(crate) fn that_fails() -> Self {
            let fails = true;
            Self {
                fails,
                ..Self::default()
            }
        }

        pub(crate) fn append(&self, kind: &str, id: Uuid) {
            let mut rows = self.rows.lock().unwrap();
            let seq = i64::try_from(rows.len()).unwrap() + 1;
            let (kind, subject) = (kind.to_owned(), id.to_string());
            rows.push(Appended { seq, kind, subject });
        }

        pub(crate) fn looks(&self) -> usize {
            self.looks.load(Ordering::Relaxed)
        }

        async fn look(&self) -> Result<Vec<Appended>, StorageError> {
            self.looks.fetch_add(1, Ordering::Relaxed);
            if self.hangs {
                std::future::pending::<()>().await;
            }
            if self.fails {
                return Err(StorageError::new("away"));
            }
            Ok(self.rows.lock().unwrap().clone())
        }
    }

    #[async_trait]
    impl OutboxLog for Log {
        async fn end(&self, now: Timestamp) -> Result<Place, StorageError> {
            Ok(Place::at_end(i64::try_from(self.look().await?.len()).unwrap(), now))
        }

        async fn after(&self, place: &Place, limit: u32) -> Result<Vec<Appended>, StorageError> {
            let rows = self.look().await?;
            let new = rows.iter().filter(|row| row.seq > place.seen());
            Ok(new.take(limit as usize).cloned().collect())
        }

        fn settles_after(&self) -> Duration {
            Duration::ZERO
        }
    }

    fn news(log: &Arc<Log>) -> (News, Arc<Freshness>) {
        let freshness = Arc::<Freshness>::default();
        let news = News::new(log.clone(), Arc::new(ManualClock::default()), freshness.clone());
        (news, freshness)
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_who_ask_are_one_look_and_a_failure_is_not_asked_again_at_once() {
        for (log, known, looks) in [(Log::default(), true, 2), (Log::that_fails(), false, 2)] {
            let log = Arc::new(log);
            let (news, _) = news(&log);
            news.are_known().await;
            tokio::time::advance(PAUSE).await;
            let asking = futures::future::join_all((0..1_000).map(|_| news.are_known()));
            assert!(asking.await.into_iter().all(|answer| answer == known));
            assert_eq!(log.looks(), looks);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_long_for_a_store_that_does_not_answer() {
        let log = Arc::new(Log {
            hangs: true,
            ..Log::default()
        });
        let (news, _) = news(&log);
        let begun = Instant::now();
        let asking = futures::future::join_all((0..100).map(|_| news.are_known()));
        assert!(asking.await.into_iter().all(|answer| !answer));
        assert_eq!(begun.elapsed(), KNOWN_FOR);
    }

    #[tokio::test(start_paused = true)]
    async fn where_more_was_written_than_is_read_everything_has_changed() {
        let log = Arc::new(Log::default());
        let (news, freshness) = news(&log);
        news.are_known().await;
        let id = Uuid::nil();
        for _ in 0..MOST_ROWS {
            log.append("product.updated.v1", id);
        }
        let before = (freshness.of(Uuid::max()), freshness.of_lists());
        for known in [false, false, true] {
            tokio::time::advance(PAUSE).await;
            assert_eq!(news.are_known().await, known);
        }
        assert!(freshness.of(Uuid::max()) > before.0 && freshness.of_lists() > before.1);
    }
}
