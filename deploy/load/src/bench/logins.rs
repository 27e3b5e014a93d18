//! Many logins at once: what they take of memory, and of everyone else's time.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::run::{Plan, run};
use crate::scenario::{Scenario, Script};
use crate::shop::Shop;
use crate::watch::{Watch, memory, reset_peak, settle};

/// Clients that log in at once.
pub const LOGINS_AT_ONCE: usize = 64;

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

/// Reads product details at 400 a second over 4 connections, first alone, then beside 64 clients that log in over and over. The pace is
/// fixed, because clients that ask as fast as they can would fill both cores and measure only that.
pub async fn storm(shop: &mut Shop, seconds: f64, watches: &[Watch]) -> Result<LoginStorm> {
    let details = Script::new(Scenario::Detail, shop).await?;
    let logins = Script::new(Scenario::Login, shop).await?;
    let paced = Plan {
        pace: Some(Duration::from_millis(10)),
        ..Plan::new(4, seconds)
    };
    let (application, _): (Vec<Watch>, Vec<Watch>) = watches.iter().cloned().partition(|watch| watch.name == "app");
    run(&shop.target, &details, &paced.warm_up(1.0)).await?;
    settle(watches).await?;
    let alone = run(&shop.target, &details, &paced).await?;
    for watch in &application {
        reset_peak(watch);
    }
    let many = Plan::new(LOGINS_AT_ONCE, seconds);
    let (beside, logged_in) = tokio::try_join!(run(&shop.target, &details, &paced), run(&shop.target, &logins, &many))?;
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
