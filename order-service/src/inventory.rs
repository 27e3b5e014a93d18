//! What is for sale, in bounded memory: a projection of the catalogue and the stock, for quotes.
//!
//! It never refuses an order: a refusal is a row. Three sources feed it, and the higher `version` and `stock_seq` win:
//! events (`product.*`, `stock.changed`) at once; `changes_since`, followed as long as quotes are asked for, which mends
//! what lost events left; and `get_many` for what is not in memory or has not been looked at for a second. While the
//! catalogue is away, what was last known is shown.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use moka::sync::Cache;
use platform_clock::Clock;
use product_api::events::{ProductChanged, StockChanged};
use product_api::{Change, Product, Products, ProductsError, View};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use values::{Money, ProductId, Sku, Timestamp};

use crate::timings::Timings;

/// Products kept, about 500 bytes each. A catalogue that is larger is not followed but asked.
const CAPACITY: u64 = 20_000;
/// Changes read at once.
const PAGE: u32 = 500;
/// Following ends when no quote was asked for so many of its rounds.
const IDLE_ROUNDS: u32 = 20;

/// A product as it can be bought now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its sku.
    pub sku: Sku,
    /// Its name.
    pub name: String,
    /// The price of one.
    pub price: Money,
    /// How many there are; none: not counted.
    pub available: Option<i64>,
}

/// The catalogue is away, and what was asked for is not in memory.
#[derive(Debug, thiserror::Error)]
#[error("the catalogue is not available")]
pub struct Unavailable(#[source] Option<ProductsError>);

/// The projection.
pub struct Inventory {
    products: Arc<dyn Products>,
    clock: Arc<dyn Clock>,
    timings: Timings,
    entries: Cache<ProductId, Arc<Entry>>,
    /// When everything in memory was last known to be current.
    followed_at: AtomicI64,
    asked: Notify,
}

struct Entry {
    /// None: not for sale.
    offer: Option<Offer>,
    version: i64,
    /// Zero where it is not known.
    stock_seq: i64,
    read_at: Timestamp,
}

impl Inventory {
    /// An empty projection of a catalogue.
    pub fn new(products: Arc<dyn Products>, clock: Arc<dyn Clock>, timings: Timings) -> Self {
        Self {
            products,
            clock,
            timings,
            entries: Cache::new(CAPACITY),
            followed_at: AtomicI64::new(i64::MIN),
            asked: Notify::new(),
        }
    }

    /// Those of the products that are for sale, at most a second old where the catalogue answers. At most 100 ids.
    pub async fn find(&self, ids: &[ProductId]) -> Result<HashMap<ProductId, Offer>, Unavailable> {
        self.asked.notify_one();
        let mut offers = HashMap::with_capacity(ids.len());
        let (mut to_read, mut all_known) = (Vec::new(), true);
        for &id in ids {
            let entry = self.entries.get(&id);
            if !entry.as_ref().is_some_and(|entry| self.is_fresh(entry)) {
                to_read.push(id);
            }
            all_known &= entry.is_some();
            if let Some(offer) = entry.and_then(|entry| entry.offer.clone()) {
                offers.insert(id, offer);
            }
        }
        if to_read.is_empty() {
            return Ok(offers);
        }
        match self.read(&to_read).await {
            Ok(read) => {
                offers.retain(|id, _| !to_read.contains(id));
                offers.extend(read);
                Ok(offers)
            }
            Err(_) if all_known => Ok(offers),
            Err(error) => Err(error),
        }
    }

    async fn read(&self, ids: &[ProductId]) -> Result<Vec<(ProductId, Offer)>, Unavailable> {
        let read_at = self.clock.now();
        let read = tokio::time::timeout(self.timings.call, self.products.get_many(ids, View::Public));
        let products = read.await.map_err(|_elapsed| Unavailable(None))?;
        let products = products.map_err(|error| Unavailable(Some(error)))?;
        for id in ids
            .iter()
            .filter(|id| !products.iter().any(|product| product.id == **id))
        {
            self.entries.invalidate(id);
        }
        let offers = products.into_iter().map(|product| {
            let (id, version) = (product.id, product.version);
            let offer = Offer::from(product);
            let entry = Entry {
                offer: Some(offer.clone()),
                version,
                stock_seq: 0,
                read_at,
            };
            self.entries.insert(id, Arc::new(entry));
            (id, offer)
        });
        Ok(offers.collect())
    }

    fn is_fresh(&self, entry: &Entry) -> bool {
        let followed_at = Timestamp::from_micros(self.followed_at.load(Ordering::Relaxed));
        let current_at = entry.read_at.max(followed_at);
        self.clock.now().since(current_at) <= self.timings.inventory
    }

    /// The job: fills the memory, then follows the catalogue while quotes are asked for. Ends when told to stop, or at
    /// once where the catalogue does not fit.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut cursor = None;
        let mut seen = 0;
        let mut idle_rounds = 0;
        while !stop.is_cancelled() {
            match self.catch_up(&mut cursor, &mut seen).await {
                Ok(()) if seen > CAPACITY => return,
                Ok(()) => {}
                Err(error) => tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "the catalogue cannot be followed"
                ),
            }
            // The rest is for the reading.
            let pause = tokio::time::sleep(self.timings.inventory * 3 / 4);
            stop.run_until_cancelled(pause).await;
            // A permit from a quote in this round is there already; without one the rounds go on for a while.
            let was_asked = tokio::time::timeout(std::time::Duration::ZERO, self.asked.notified())
                .await
                .is_ok();
            idle_rounds = if was_asked { 0 } else { idle_rounds + 1 };
            if idle_rounds >= IDLE_ROUNDS {
                stop.run_until_cancelled(self.asked.notified()).await;
                idle_rounds = 0;
            }
        }
    }

    /// Reads what has changed. `seen` counts the first pass, which shows whether the catalogue fits.
    async fn catch_up(&self, cursor: &mut Option<String>, seen: &mut u64) -> Result<(), ProductsError> {
        let is_first_pass = self.followed_at.load(Ordering::Relaxed) == i64::MIN;
        loop {
            let read_at = self.clock.now();
            let page = self.products.changes_since(cursor.as_deref(), PAGE).await?;
            if is_first_pass {
                *seen += page.items.len() as u64;
            }
            for change in page.items {
                self.apply(change, read_at);
            }
            *cursor = Some(page.cursor);
            if *seen > CAPACITY {
                return Ok(());
            }
            if !page.more {
                self.followed_at.store(read_at.as_micros(), Ordering::Relaxed);
                return Ok(());
            }
        }
    }

    fn apply(&self, change: Change, read_at: Timestamp) {
        let known = self.entries.get(&change.product_id);
        let is_old = known
            .as_ref()
            .is_some_and(|known| known.version > change.version || known.stock_seq > change.stock_seq);
        if is_old {
            return;
        }
        let offer = change.for_sale.then_some(Offer {
            sku: change.sku,
            name: change.name,
            price: change.price,
            available: change.available,
        });
        let entry = Entry {
            offer,
            version: change.version,
            stock_seq: change.stock_seq,
            read_at,
        };
        self.entries.insert(change.product_id, Arc::new(entry));
    }

    /// A product was created, changed or deleted: what is known of it is out of date.
    pub fn product_changed(&self, changed: &ProductChanged) {
        let known = self.entries.get(&changed.product_id);
        if known.is_some_and(|known| known.version < changed.version) {
            self.entries.invalidate(&changed.product_id);
        }
    }

    /// What can be bought of a product changed.
    pub fn stock_changed(&self, changed: &StockChanged) {
        let Some(known) = self.entries.get(&changed.product_id) else {
            return;
        };
        if known.stock_seq >= changed.seq {
            return;
        }
        let offer = known.offer.as_ref().map(|offer| Offer {
            available: changed.available,
            ..offer.clone()
        });
        let entry = Entry {
            offer,
            version: known.version,
            stock_seq: changed.seq,
            read_at: known.read_at,
        };
        self.entries.insert(changed.product_id, Arc::new(entry));
    }
}

impl From<Product> for Offer {
    fn from(product: Product) -> Self {
        Self {
            sku: product.sku,
            name: product.name,
            price: product.price,
            available: product.stock,
        }
    }
}
