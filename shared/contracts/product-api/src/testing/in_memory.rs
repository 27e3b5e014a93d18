//! The fake itself: what a test can do to it, and [`Stock`] over the rules.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use platform_clock::{Clock, ManualClock};
use values::{OrderId, ProductId};

use super::in_memory_rules::Books;
use super::{Shelf, ShelfProduct, StockBackend};
use crate::{
    Confirmed, Released, Reservation, ReservationPage, Returned, SaleMode, Stock, StockError, StockFault, StockRequest,
};

/// A stock in memory with the whole semantics of the protocol. Clones share one shelf.
///
/// ```
/// # use product_api::testing::{InMemoryStock, ShelfProduct};
/// # use product_api::{Confirmed, Stock};
/// # use platform_clock::Clock;
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let stock = InMemoryStock::default();
/// let product = ShelfProduct::priced(stock.clock().new_id().into(), 1999);
/// stock.put_product(&product, Some(3));
/// assert_eq!(stock.shelf_of(product.id).on_hand, 3);
///
/// let order = stock.clock().new_id().into();
/// assert_eq!(stock.confirm(order).await?, Confirmed::Gone); // nothing was held
/// # Ok::<(), product_api::StockError>(()) }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct InMemoryStock {
    clock: Arc<ManualClock>,
    books: Arc<Mutex<Books>>,
    away: Arc<AtomicBool>,
    answers_to_lose: Arc<AtomicU32>,
}

impl Default for InMemoryStock {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl InMemoryStock {
    /// An empty shelf that goes by a clock.
    pub fn new(clock: Arc<ManualClock>) -> Self {
        Self {
            clock,
            books: Arc::default(),
            away: Arc::default(),
            answers_to_lose: Arc::default(),
        }
    }

    /// The clock it goes by.
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Puts a product on the shelf, or replaces it, with what can be bought of it; none: not counted.
    pub fn put_product(&self, product: &ShelfProduct, stock: Option<i64>) {
        self.books().put(product);
        self.books().set_stock(product.id, stock);
    }

    /// What is on the shelf of a product that was put there.
    pub fn shelf_of(&self, id: ProductId) -> Shelf {
        self.books().shelf(id)
    }

    /// What stands in the books for an order.
    pub fn find_reservation(&self, order_id: OrderId) -> Option<Reservation> {
        self.books().find(order_id)
    }

    /// Lets go of what has been held for too long by the clock.
    pub fn sweep_now(&self) {
        let now = self.clock.now();
        self.books().sweep(now);
    }

    /// Whether calls do nothing and answer `Unavailable` from now on.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// The next so many calls take effect, and then answer `Unavailable`: the reply was lost.
    pub fn lose_answers(&self, calls: u32) {
        self.answers_to_lose.store(calls, Ordering::SeqCst);
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("no holder panics")
    }

    fn call<T>(&self, effect: impl FnOnce(&mut Books) -> Result<T, StockError>) -> Result<T, StockError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(StockError::Unavailable(None));
        }
        let answer = effect(&mut self.books());
        let lose_one = |left: u32| left.checked_sub(1);
        match self
            .answers_to_lose
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, lose_one)
        {
            Ok(_) => Err(StockError::Unavailable(None)),
            Err(_) => answer,
        }
    }
}

#[async_trait]
impl Stock for InMemoryStock {
    async fn reserve(&self, request: &StockRequest) -> Result<Reservation, StockError> {
        let now = self.clock.now();
        self.call(|books| books.reserve(request, now))
    }

    async fn sell(&self, request: &StockRequest, mode: SaleMode) -> Result<Reservation, StockError> {
        let now = self.clock.now();
        self.call(|books| books.sell(request, mode, now))
    }

    async fn confirm(&self, order_id: OrderId) -> Result<Confirmed, StockError> {
        self.call(|books| Ok(books.confirm(order_id)))
    }

    async fn release(&self, order_id: OrderId) -> Result<Released, StockError> {
        self.call(|books| Ok(books.release(order_id)))
    }

    async fn return_goods(&self, order_id: OrderId) -> Result<Returned, StockError> {
        self.call(|books| Ok(books.return_goods(order_id)))
    }

    async fn reservations(&self, after: Option<OrderId>, limit: u32) -> Result<ReservationPage, StockError> {
        let read_at = self.clock.now();
        self.call(|books| Ok(books.page(after, limit, read_at)))
    }

    async fn faults(&self) -> Result<Vec<StockFault>, StockError> {
        self.call(|books| Ok(books.faults()))
    }
}

#[async_trait]
impl StockBackend for InMemoryStock {
    fn stock(&self) -> Arc<dyn Stock> {
        Arc::new(self.clone())
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    async fn put(&self, product: &ShelfProduct) {
        self.books().put(product);
    }

    async fn set_stock(&self, id: ProductId, stock: Option<i64>) {
        self.books().set_stock(id, stock);
    }

    async fn shelf(&self, id: ProductId) -> Shelf {
        self.shelf_of(id)
    }

    async fn sweep(&self) {
        self.sweep_now();
    }

    async fn break_down(&self) {
        self.set_away(true);
    }
}
