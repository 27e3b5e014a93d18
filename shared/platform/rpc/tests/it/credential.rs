//! A token is asked for when it is needed, renewed in time, and used to its end while the issuer is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use platform_clock::{Clock, ManualClock};
use platform_rpc::{Credential, IssuedToken, TokenError, TokenIssuer};
use tokio::time::sleep;

const MINUTE: Duration = Duration::from_mins(1);

/// An issuer whose tokens live an hour, and which can be away.
#[derive(Clone, Default)]
struct Issuer(Arc<State>);

#[derive(Default)]
struct State {
    clock: Arc<ManualClock>,
    asked: AtomicU32,
    issued: AtomicU32,
    is_away: AtomicBool,
    is_hanging: AtomicBool,
}

impl Issuer {
    fn credential(&self) -> Credential {
        Credential::new(self.clone(), self.0.clock.clone())
    }

    fn asked(&self) -> u32 {
        self.0.asked.load(Ordering::Relaxed)
    }

    fn set_away(&self, is_away: bool) {
        self.0.is_away.store(is_away, Ordering::Relaxed);
    }

    /// Lets both clocks go on.
    async fn pass(&self, time: Duration) {
        self.0.clock.advance(time);
        sleep(time).await;
    }
}

#[async_trait]
impl TokenIssuer for Issuer {
    async fn issue(&self) -> Result<IssuedToken, TokenError> {
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(30)).await;
        if self.0.is_hanging.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if self.0.is_away.load(Ordering::Relaxed) {
            return Err(TokenError::Unavailable);
        }
        let number = self.0.issued.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(IssuedToken {
            token: number.to_string(),
            expires_at: self.0.clock.now().plus(60 * MINUTE),
        })
    }
}

async fn token(credential: &Credential) -> Result<String, TokenError> {
    let bearer = credential.bearer().await?;
    assert!(bearer.is_sensitive());
    Ok(bearer.to_str().unwrap().trim_start_matches("Bearer ").to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_hundred_calls_at_once_fetch_one_token() {
    let issuer = Issuer::default();
    let credential = issuer.credential();
    assert_eq!(issuer.asked(), 0, "not before it is needed");
    let calls = (0..100).map(|_| token(&credential));
    let tokens = futures::future::join_all(calls).await;
    assert!(tokens.iter().all(|token| *token == Ok("1".to_owned())));
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_from_minute_twenty_and_nobody_waits_for_that() {
    let issuer = Issuer::default();
    let credential = issuer.credential();
    token(&credential).await.unwrap();
    issuer.pass(19 * MINUTE).await;
    token(&credential).await.unwrap();
    assert_eq!(issuer.asked(), 1);
    issuer.pass(MINUTE).await;
    assert_eq!(token(&credential).await.unwrap(), "1", "the old one is good meanwhile");
    issuer.pass(Duration::from_secs(1)).await;
    assert_eq!(token(&credential).await.unwrap(), "2");
}

#[tokio::test(start_paused = true)]
async fn it_is_used_to_its_end_while_the_issuer_is_away() {
    let issuer = Issuer::default();
    let credential = issuer.credential();
    token(&credential).await.unwrap();
    issuer.set_away(true);
    for _ in 0..59 {
        issuer.pass(MINUTE).await;
        assert_eq!(token(&credential).await.unwrap(), "1");
    }
    let asked = issuer.asked();
    assert!((10..90).contains(&asked), "it was tried now and then: {asked}");
    issuer.pass(MINUTE).await;
    assert_eq!(token(&credential).await, Err(TokenError::Unavailable));
    issuer.set_away(false);
    issuer.pass(MINUTE).await;
    assert_eq!(token(&credential).await.unwrap(), "2");
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_is_away_is_not_stormed_and_nobody_waits_for_it_twice() {
    let issuer = Issuer::default();
    issuer.set_away(true);
    let credential = issuer.credential();
    for _ in 0..3000 {
        assert_eq!(token(&credential).await, Err(TokenError::Unavailable));
        sleep(Duration::from_millis(20)).await;
    }
    let asked = issuer.asked();
    assert!((6..=12).contains(&asked), "in a minute: {asked}");
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_hangs_counts_as_away() {
    let issuer = Issuer::default();
    issuer.0.is_hanging.store(true, Ordering::Relaxed);
    let credential = issuer.credential();
    assert_eq!(token(&credential).await, Err(TokenError::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn a_fetch_goes_on_when_the_call_that_needed_it_is_gone() {
    let issuer = Issuer::default();
    let credential = issuer.credential();
    let given_up = tokio::time::timeout(Duration::from_millis(1), token(&credential)).await;
    assert!(given_up.is_err());
    assert_eq!(token(&credential).await.unwrap(), "1");
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_doubted_token_is_renewed_and_a_doubt_about_an_older_one_is_not_heard() {
    let issuer = Issuer::default();
    let credential = issuer.credential();
    let first = credential.bearer().await.unwrap();
    issuer.pass(MINUTE).await;
    credential.doubt(&first);
    assert_eq!(
        token(&credential).await.unwrap(),
        "1",
        "it is used until there is another"
    );
    issuer.pass(MINUTE).await;
    assert_eq!(token(&credential).await.unwrap(), "2");
    credential.doubt(&first);
    issuer.pass(MINUTE).await;
    token(&credential).await.unwrap();
    assert_eq!(issuer.asked(), 2);
}
