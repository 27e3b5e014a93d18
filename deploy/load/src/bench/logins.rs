//! Many logins at once: what they take of memory, and of everyone else's time.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::oneshot;

use crate::client::Target;
use crate::run::{Outcome, Plan, run};
use crate::scenario::{Scenario, Script};
use crate::shop::Shop;
use crate::watch::{Watch, memory, reset_peak, settle};

/// Clients that log in at once.
pub const LOGINS_AT_ONCE: usize = 64;
/// How often alone and beside take turns: a slow moment of the machine then hits both.
const ROUNDS: u32 = 4;

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct LoginStorm {
    /// The most the application held while they logged in.
    pub peak_mb: f64,
    /// p99 of product detail without logins.
    pub p99_alone_ms: f64,
    /// p99 of product detail beside them.
    pub p99_beside_ms: f64,
    /// Logins a second.
    pub logins_per_second: f64,
}

/// Reads product details at 400 a second over 4 connections, alone and beside 64 clients that log in over and over, in turn, `seconds` of
/// each in all. The pace is fixed, because clients that ask as fast as they can would fill both cores and measure only that.
pub async fn storm(shop: &mut Shop, seconds: f64, watches: &[Watch]) -> Result<LoginStorm> {
    let details = Script::new(Scenario::Detail, shop).await?;
    let logins = Script::new(Scenario::Login, shop).await?;
    let seconds = seconds / f64::from(ROUNDS);
    let paced = Plan {
        pace: Some(Duration::from_millis(10)),
        ..Plan::new(4, seconds)
    };
    let (application, _): (Vec<Watch>, Vec<Watch>) = watches.iter().cloned().partition(|watch| watch.name == "app");
    run(&shop.target, &details, &paced.warm_up(1.0)).await?;
    for watch in &application {
        reset_peak(watch);
    }
    let (mut alone, mut beside, mut logged_in) = (Outcome::empty(), Outcome::empty(), Outcome::empty());
    for _ in 0..ROUNDS {
        settle(watches).await?;
        alone.append(&run(&shop.target, &details, &paced).await?);
        let many = Plan::new(LOGINS_AT_ONCE, seconds);
        let logging_in = elsewhere(shop.target.clone(), Arc::clone(&logins), many)?;
        beside.append(&run(&shop.target, &details, &paced).await?);
        logged_in.append(&logging_in.await.context("the thread that logs in is gone")??);
    }
    let mut peak_mb = 0.0;
    for watch in &application {
        peak_mb += memory(watch)?
            .peak_mb
            .context("the application has no peak of its own")?;
    }
    Ok(LoginStorm {
        peak_mb,
        p99_alone_ms: alone.quantile_ms(0.99),
        p99_beside_ms: beside.quantile_ms(0.99),
        logins_per_second: logged_in.per_second(),
    })
}

/// Runs the plan on a thread of its own: what the generator does for 64 clients is not to hold up the four it measures.
fn elsewhere(target: Target, script: Arc<Script>, plan: Plan) -> Result<oneshot::Receiver<Result<Outcome>>> {
    let (send, outcome) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("logins".to_owned()).spawn(move || {
        // Nobody waits any more where the bench was interrupted.
        let _ = send.send(runtime.block_on(run(&target, &script, &plan)));
    })?;
    Ok(outcome)
}
