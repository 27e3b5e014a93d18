//! Does a shop hold while something happens to it: while a process is replaced, killed, cut off, moved?
//!
//! Requests come at a fixed rate, whatever the answers do. A request has failed when its client, after one retry with the same
//! key at the next door, holds neither the answer it deserved nor a 202 that ends well. Afterwards the books are read: every
//! order that was answered is there, and every key that was ever sent stands for one order and no more.
//!
//! Start reading at [`hold`]; `hold/client.rs` is one client's way through one request, `hold/books.rs` what is read afterwards.

mod books;
mod client;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use http::Method;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::client::{Ask, Client, Outcome};

/// What is sent, and for how long.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// A door of the shop; a retry goes to the next. May be repeated.
    #[arg(long = "door", default_value = "http://127.0.0.1:8080")]
    pub doors: Vec<String>,
    /// An admin's account, to put goods on the shelf.
    #[arg(long)]
    pub admin_email: String,
    /// Its password.
    #[arg(long)]
    pub admin_password: String,
    /// Requests a second.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub rate: u32,
    /// How long.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// How many of a hundred requests are orders; the rest read.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub orders: u8,
    /// Where the random choices start.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// A request may fail; only lost and doubled orders are not forgiven. For what has no second door.
    #[arg(long)]
    pub forgive: bool,
}

/// What came of it. `Display` is the report.
#[derive(Debug)]
pub struct Held {
    sent: u64,
    retried: u64,
    pending: u64,
    orders: u64,
    /// When, from the start, and why; at most so many are listed.
    failed: Vec<(Duration, String)>,
    failures: u64,
    latencies: Histogram<u64>,
    /// How late we were ourselves with what we sent.
    lateness: Histogram<u64>,
    books: books::Verdict,
}

/// Failures that are listed.
const LISTED: usize = 20;
/// Who comes later than this cannot tell a slow shop from a slow self: a tenth of a client's patience.
const HELD_UP: Duration = Duration::from_secs(1);
const BUYERS: usize = 20;
const PRODUCTS: usize = 50;

impl Held {
    /// Whether nobody was turned away and every order is right.
    pub fn is_well(&self, forgive: bool) -> bool {
        self.books.is_well() && (forgive || self.failures == 0)
    }

    /// Whether we were kept from our own work, by a machine that has too much to do: what failed may have failed for us alone.
    pub fn was_held_up(&self) -> bool {
        u128::from(self.lateness.max()) > HELD_UP.as_micros()
    }

    fn note_late(&mut self, late: Duration) {
        self.lateness.saturating_record(micros(late));
    }

    fn note(&mut self, at: Duration, took: Duration, outcome: &Outcome) {
        self.sent += 1;
        self.retried += u64::from(outcome.retried);
        self.pending += u64::from(outcome.pending.is_some());
        self.latencies.saturating_record(micros(took));
        if let Some(reason) = &outcome.failed {
            self.failures += 1;
            if self.failed.len() < LISTED {
                self.failed.push((at, reason.clone()));
            }
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1)
}

/// Sends what the options say and reads the books.
pub async fn hold(options: &Options) -> Result<Held> {
    ensure!(!options.doors.is_empty(), "a shop has a door");
    let client = Arc::new(Client::new(&options.doors)?);
    let shop = Arc::new(Shop::open(&client, options).await?);
    let held = Arc::new(Mutex::new(Held {
        sent: 0,
        retried: 0,
        pending: 0,
        orders: 0,
        failed: Vec::new(),
        failures: 0,
        latencies: Histogram::new_with_bounds(1, 60_000_000, 3)?,
        lateness: Histogram::new_with_bounds(1, 60_000_000, 3)?,
        books: books::Verdict::default(),
    }));
    let placed = Arc::new(Mutex::new(Vec::new()));

    let mut random = SmallRng::seed_from_u64(options.seed);
    let start = Instant::now();
    let mut clock = interval(Duration::from_secs(1) / options.rate);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut running = JoinSet::new();
    let total = u64::from(options.rate) * options.seconds;
    for number in 0..total {
        let due = clock.tick().await;
        held.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .note_late(due.elapsed());
        let ask = shop.choose(&mut random, number, options.orders);
        let (client, held, placed) = (client.clone(), held.clone(), placed.clone());
        let door = usize::try_from(number).unwrap_or_default();
        running.spawn(async move {
            let began = Instant::now();
            let outcome = client.ask(&ask, door).await;
            let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
            held.note(began - start, began.elapsed(), &outcome);
            if ask.key.is_some() {
                held.orders += 1;
                let mut placed = placed.lock().unwrap_or_else(PoisonError::into_inner);
                placed.push((ask, outcome));
            }
        });
        while running.try_join_next().is_some() {}
    }
    while running.join_next().await.is_some() {}

    let placed = std::mem::take(&mut *placed.lock().unwrap_or_else(PoisonError::into_inner));
    let verdict = books::read(&client, &shop.buyers, &placed).await?;
    let held = Arc::try_unwrap(held).ok().context("every task has ended")?;
    let mut held = held.into_inner().unwrap_or_else(PoisonError::into_inner);
    held.books = verdict;
    Ok(held)
}

/// Who buys what.
struct Shop {
    buyers: Vec<String>,
    products: Vec<String>,
}

impl Shop {
    /// Buyers and goods of this run alone, so that the books are its own.
    async fn open(client: &Client, options: &Options) -> Result<Self> {
        let tag: String = (0..8)
            .map(|_| char::from(rand::rng().random_range(b'a'..=b'z')))
            .collect();
        let credentials = json!({"email": options.admin_email, "password": options.admin_password});
        let admin = client
            .token("/api/auth/login", &credentials)
            .await
            .context("the admin cannot sign in")?;
        let mut products = Vec::new();
        for number in 0..PRODUCTS {
            let product = json!({
                "sku": format!("hold-{tag}-{number}"), "name": format!("Hold {number}"),
                "price": {"amount": 250, "currency": "USD"}, "stock": 100_000_000,
            });
            let made = client
                .send(&Method::POST, "/api/products", Some(&admin), None, Some(&product), 0)
                .await?;
            ensure!(made.status == 201, "a product was answered with {}", made.status);
            products.push(made.text("id")?);
        }
        let mut buyers = Vec::new();
        for number in 0..BUYERS {
            let email = format!("hold-{tag}-{number}@shop.example");
            let account = json!({"email": email, "password": format!("a password for {tag}"), "name": "Holder"});
            buyers.push(
                client
                    .token("/api/auth/register", &account)
                    .await
                    .context("a buyer cannot register")?,
            );
        }
        Ok(Self { buyers, products })
    }

    fn choose(&self, random: &mut SmallRng, number: u64, orders: u8) -> Ask {
        let product = &self.products[random.random_range(0..self.products.len())];
        let buyer = &self.buyers[random.random_range(0..self.buyers.len())];
        if random.random_range(0..100) < orders {
            return Ask {
                method: Method::POST,
                path: "/api/orders".to_owned(),
                token: Some(buyer.clone()),
                key: Some(format!("hold-{number}")),
                body: Some(json!({"items": [{"product_id": product, "quantity": 1}]})),
            };
        }
        let read = |path: String, token: Option<String>| Ask {
            method: Method::GET,
            path,
            token,
            key: None,
            body: None,
        };
        match random.random_range(0..10) {
            0..7 => read(format!("/api/products/{product}"), None),
            7..9 => read("/api/products?limit=10".to_owned(), None),
            _ => read("/api/orders?limit=5".to_owned(), Some(buyer.clone())),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share need not be exact")]
impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |part: u64| 100.0 * part as f64 / (self.sent.max(1)) as f64;
        writeln!(
            f,
            "requests  {} sent, {} retried ({:.2} %)",
            self.sent,
            self.retried,
            share(self.retried)
        )?;
        writeln!(f, "failed    {} ({:.3} %)", self.failures, share(self.failures))?;
        for (at, reason) in &self.failed {
            writeln!(f, "          {:.2} s: {reason}", at.as_secs_f64())?;
        }
        let of_orders = 100.0 * self.pending as f64 / (self.orders.max(1)) as f64;
        writeln!(
            f,
            "orders    {}, of which {} were answered 202 ({of_orders:.2} %)",
            self.orders, self.pending
        )?;
        writeln!(f, "books     {}", self.books)?;
        let times = |of: &Histogram<u64>| {
            let at = |quantile| of.value_at_quantile(quantile) as f64 / 1_000.0;
            let longest = of.max() as f64 / 1_000.0;
            format!("p50 {:.1} ms, p99 {:.1} ms, longest {longest:.1} ms", at(0.5), at(0.99))
        };
        writeln!(
            f,
            "latency   {} (retries and their pauses with it)",
            times(&self.latencies)
        )?;
        write!(f, "sent late {} (our own doing)", times(&self.lateness))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing_yet() -> Held {
        Held {
            sent: 0,
            retried: 0,
            pending: 0,
            orders: 0,
            failed: Vec::new(),
            failures: 0,
            latencies: Histogram::new_with_bounds(1, 60_000_000, 3).unwrap(),
            lateness: Histogram::new_with_bounds(1, 60_000_000, 3).unwrap(),
            books: books::Verdict::default(),
        }
    }

    #[test]
    fn a_generator_that_came_late_says_so() {
        let mut held = nothing_yet();
        held.note_late(Duration::from_millis(200));
        assert!(!held.was_held_up());
        held.note_late(Duration::from_millis(2_500));
        assert!(held.was_held_up());
        let report = held.to_string();
        assert!(
            report.contains("longest 2500") && report.contains("(our own doing)"),
            "{report}"
        );
    }

    #[test]
    fn having_come_late_excuses_no_failure() {
        let mut held = nothing_yet();
        held.note_late(Duration::from_secs(9));
        let turned_away = Outcome {
            failed: Some("no answer in time".to_owned()),
            ..Outcome::default()
        };
        held.note(Duration::ZERO, Duration::from_secs(10), &turned_away);
        assert!(!held.is_well(false));
    }
}
