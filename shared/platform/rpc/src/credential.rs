//! How a process proves to a neighbour who it is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderValue;
use platform_clock::Clock;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use values::Timestamp;

/// Gives out tokens for one audience: OAuth 2.0 client credentials (RFC 6749, 4.4), wherever they come from.
#[async_trait]
pub trait TokenIssuer: Send + Sync + 'static {
    /// A fresh token.
    async fn issue(&self) -> Result<IssuedToken, TokenError>;
}

/// A token and the end of its life.
#[derive(Clone)]
pub struct IssuedToken {
    /// What goes behind `Bearer `.
    pub token: String,
    /// From when on it proves nothing.
    pub expires_at: Timestamp,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The issuer knows us not, or not for this audience.
    #[error("the issuer of service tokens refuses us")]
    Refused,
    /// Nobody knows; try again.
    #[error("no service token can be had now")]
    Unavailable,
}

/// A token that is kept fresh: asked for when it is first needed, renewed after a third of its life (an hour: from minute
/// 20), and used until its end while the issuer is away. Cheap to clone; all clones share the token.
#[derive(Clone)]
pub struct Credential(Arc<Inner>);

struct Inner {
    issuer: Box<dyn TokenIssuer>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Counts the fetches that have ended.
    fetched: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    is_fetching: bool,
    /// Failures in a row, and when the next fetch may begin.
    failures: u32,
    not_before: Option<Instant>,
    error: Option<TokenError>,
}

#[derive(Clone)]
struct Held {
    bearer: HeaderValue,
    renew_at: Instant,
    expires_at: Instant,
}

/// What a look at the state says must be done.
enum Step {
    Use(HeaderValue),
    Wait(watch::Receiver<u64>),
    Fail(TokenError),
}

impl Credential {
    /// A token is not used in its last moments: it must still be good when it arrives.
    const MARGIN: Duration = Duration::from_secs(10);
    /// How long one fetch may take.
    const FETCH: Duration = Duration::from_secs(5);
    /// The first pause after a failed fetch; it doubles.
    const PAUSE: Duration = Duration::from_millis(250);
    /// The longest.
    const LONGEST_PAUSE: Duration = Duration::from_secs(30);
    /// A token that was doubted is renewed no sooner than this after it was issued.
    const DOUBT_AFTER: Duration = Duration::from_secs(10);

    /// A credential whose tokens an issuer gives out.
    pub fn new(issuer: impl TokenIssuer, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            issuer: Box::new(issuer),
            clock,
            state: Mutex::default(),
            fetched: watch::Sender::new(0),
        }))
    }

    /// `Bearer <token>`, marked sensitive. Waits for a fetch only while there is no token that is good.
    pub async fn bearer(&self) -> Result<HeaderValue, TokenError> {
        loop {
            match self.step() {
                Step::Use(bearer) => return Ok(bearer),
                Step::Fail(error) => return Err(error),
                // The sender lives as long as `self`.
                Step::Wait(mut fetched) => {
                    let _ = fetched.changed().await;
                }
            }
        }
    }

    /// A neighbour did not accept the token: it is renewed before its time. It is still used meanwhile.
    pub fn doubt(&self, bearer: &HeaderValue) {
        let mut state = self.state();
        let now = Instant::now();
        if let Some(held) = state.held.as_mut().filter(|held| held.bearer == *bearer) {
            held.renew_at = held.renew_at.min(now);
        }
    }

    fn step(&self) -> Step {
        let mut state = self.state();
        let now = Instant::now();
        let may_fetch = !state.is_fetching && state.not_before.is_none_or(|at| at <= now);
        let held = state.held.clone().filter(|held| held.expires_at > now);
        let is_due = held.as_ref().is_none_or(|held| held.renew_at <= now);
        // Before the fetch can end, so that its end is not missed.
        let fetched = self.0.fetched.subscribe();
        if is_due && may_fetch {
            state.is_fetching = true;
            let credential = self.clone();
            // A task of its own: it goes on when the caller that needed it first is gone.
            tokio::spawn(async move { credential.fetch().await });
        }
        match held {
            Some(held) => Step::Use(held.bearer),
            None if state.is_fetching => Step::Wait(fetched),
            None => Step::Fail(state.error.clone().unwrap_or(TokenError::Unavailable)),
        }
    }

    async fn fetch(&self) {
        let answer = timeout(Self::FETCH, self.0.issuer.issue()).await;
        let issued = answer.unwrap_or(Err(TokenError::Unavailable));
        let now = Instant::now();
        let held = issued.and_then(|issued| self.hold(&issued, now));
        let mut state = self.state();
        state.is_fetching = false;
        match held {
            Ok(held) => {
                state.not_before = Some(now + Self::DOUBT_AFTER);
                state.held = Some(held);
                state.failures = 0;
                state.error = None;
            }
            Err(error) => {
                let doubled = Self::PAUSE.saturating_mul(1 << state.failures.min(16));
                let pause = doubled
                    .min(Self::LONGEST_PAUSE)
                    .mul_f64(0.5 + 0.5 * self.0.clock.fraction());
                tracing::warn!(%error, retry_in_ms = pause.as_millis(), "cannot get a service token");
                state.not_before = Some(now + pause);
                state.failures = state.failures.saturating_add(1);
                state.error = Some(error);
            }
        }
        drop(state);
        self.0.fetched.send_modify(|count| *count += 1);
    }

    /// From the issuer's clock, which is everybody's, to how long it lasts from now.
    fn hold(&self, issued: &IssuedToken, now: Instant) -> Result<Held, TokenError> {
        let life = issued.expires_at.since(self.0.clock.now());
        let mut bearer =
            HeaderValue::try_from(format!("Bearer {}", issued.token)).map_err(|_| TokenError::Unavailable)?;
        bearer.set_sensitive(true);
        Ok(Held {
            bearer,
            renew_at: now + life / 3,
            expires_at: now + life.saturating_sub(Self::MARGIN),
        })
    }

    /// Nothing panics while it is held.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
