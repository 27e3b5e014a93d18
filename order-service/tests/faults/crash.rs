//! A process that stops for good at any point: before or after any call to the stock, to the payment or to the books.
//!
//! The steps of a run are counted; the n-th one never returns. Then another process opens the same books and recovers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use order_api::{OrderRecord, OrderStatus};
use order_service::inventory::Inventory;
use order_service::order::{Change, NewOrder, StoredOrder};
use order_service::payment::{Authorised, Captured, Hold, PaymentError, PaymentProvider, Providers, Refunded, Voided};
use order_service::service::{OrderService, PlaceOrder};
use order_service::store::{Claim, Inserted, ListOrders, OrderStore, Postponed, StoreError};
use order_service::timings::Timings;
use platform_clock::Clock;
use platform_sql::idempotency::IdempotencyKey;
use product_api::{
    Confirmed, Released, Reservation, ReservationPage, Returned, SaleMode, Stock, StockError, StockFault, StockRequest,
};
use tokio::sync::Notify;
use values::{OrderId, Timestamp, UserId};

use super::verdict::{Witness, violations};
use crate::stock_through;
use crate::support::warehouse::Warehouse;
use crate::support::{Books, lines, open_with_goods};

platform_sql::stores!(
    "order",
    open_with_goods,
    [
        a_crash_at_any_point_of_a_checkout_loses_nothing,
        a_crash_at_any_point_of_a_paid_checkout_loses_nothing,
        a_crash_at_any_point_of_a_cancel_keeps_its_promise,
        a_crash_at_any_point_of_a_paid_cancel_keeps_its_promise,
    ]
);

/// Counts steps, each call twice: before it is made and when it has answered. The last one lasts for ever.
struct Fuse {
    left: AtomicU32,
    burnt: Notify,
}

impl Fuse {
    fn of(steps: u32) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicU32::new(steps),
            burnt: Notify::new(),
        })
    }

    async fn step(&self) {
        let before = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if before.unwrap_or(0) <= 1 {
            self.burnt.notify_one();
            std::future::pending::<()>().await;
        }
    }

    async fn around<T>(&self, call: impl Future<Output = T>) -> T {
        self.step().await;
        let answer = call.await;
        self.step().await;
        answer
    }
}

struct FusedStock {
    inner: Arc<dyn Stock>,
    fuse: Arc<Fuse>,
}

stock_through!(FusedStock, |this, call| this.fuse.around(call()).await);

struct FusedPayment {
    inner: Arc<Hold>,
    fuse: Arc<Fuse>,
}

#[async_trait]
impl PaymentProvider for FusedPayment {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn authorise(&self, order_id: OrderId, amount: values::Money) -> Result<Authorised, PaymentError> {
        self.fuse.around(self.inner.authorise(order_id, amount)).await
    }

    async fn capture(&self, order_id: OrderId) -> Result<Captured, PaymentError> {
        self.fuse.around(self.inner.capture(order_id)).await
    }

    async fn void(&self, order_id: OrderId) -> Result<Voided, PaymentError> {
        self.fuse.around(self.inner.void(order_id)).await
    }

    async fn refund(&self, order_id: OrderId) -> Result<Refunded, PaymentError> {
        self.fuse.around(self.inner.refund(order_id)).await
    }
}

struct FusedStore {
    inner: Arc<dyn OrderStore>,
    fuse: Arc<Fuse>,
}

#[async_trait]
impl OrderStore for FusedStore {
    async fn insert(&self, new: Arc<NewOrder>) -> Result<Inserted, StoreError> {
        self.fuse.around(self.inner.insert(new)).await
    }

    async fn find(&self, id: OrderId, owner: Option<UserId>) -> Result<Option<StoredOrder>, StoreError> {
        self.fuse.around(self.inner.find(id, owner)).await
    }

    async fn change(&self, change: Change) -> Result<bool, StoreError> {
        self.fuse.around(self.inner.change(change)).await
    }

    async fn postpone(&self, pause: Postponed) -> Result<(), StoreError> {
        self.fuse.around(self.inner.postpone(pause)).await
    }

    async fn lease_due(&self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<StoredOrder>, StoreError> {
        self.fuse.around(self.inner.lease_due(now, until, limit)).await
    }

    async fn make_postponed_due(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.inner.make_postponed_due(now).await
    }

    async fn make_open_due(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.inner.make_open_due(now).await
    }

    fn is_exclusive(&self) -> bool {
        self.inner.is_exclusive()
    }

    async fn list(&self, query: &ListOrders) -> Result<Vec<StoredOrder>, StoreError> {
        self.inner.list(query).await
    }

    async fn count(&self, owner: Option<UserId>, status: Option<OrderStatus>) -> Result<u64, StoreError> {
        self.inner.count(owner, status).await
    }

    async fn claim_key(&self, key: IdempotencyKey, now: Timestamp) -> Result<Claim, StoreError> {
        self.inner.claim_key(key, now).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }

    async fn records_after(&self, after: Option<OrderId>, limit: u32) -> Result<Vec<OrderRecord>, StoreError> {
        self.inner.records_after(after, limit).await
    }

    async fn records_of(&self, ids: &[OrderId]) -> Result<Vec<OrderRecord>, StoreError> {
        self.inner.records_of(ids).await
    }
}

/// What survives a crash.
struct World {
    books: Books,
    goods: Arc<dyn Warehouse>,
    hold: Arc<Hold>,
}

impl World {
    fn of((books, goods): (Books, Arc<dyn Warehouse>)) -> Self {
        Self {
            books,
            goods,
            hold: Arc::default(),
        }
    }

    /// A process on the books; with a fuse one that stops for good when it is burnt.
    fn process(&self, fuse: Option<&Arc<Fuse>>, paid: bool) -> Arc<OrderService> {
        let (store, stock, hold): (Arc<dyn OrderStore>, Arc<dyn Stock>, Arc<dyn PaymentProvider>) = match fuse {
            None => (self.books.store.clone(), self.goods.stock(), self.hold.clone()),
            Some(fuse) => (
                Arc::new(FusedStore {
                    inner: self.books.store.clone(),
                    fuse: fuse.clone(),
                }),
                Arc::new(FusedStock {
                    inner: self.goods.stock(),
                    fuse: fuse.clone(),
                }),
                Arc::new(FusedPayment {
                    inner: self.hold.clone(),
                    fuse: fuse.clone(),
                }),
            ),
        };
        // Orders are driven by the provider they were placed with; what is chosen now counts for new ones.
        let providers = if paid {
            Providers::paying_with(hold)
        } else {
            Providers::none()
        };
        let timings = Timings {
            call: Duration::from_mins(1),
            wait: Duration::from_mins(1),
            ..Timings::default()
        };
        let clock: Arc<dyn Clock> = self.books.clock.clone();
        let inventory = Arc::new(Inventory::new(self.goods.products(), clock.clone(), timings));
        Arc::new(OrderService::new(store, stock, providers, inventory, clock, timings))
    }

    /// The next process: what was left lying is taken up when the leases are over.
    async fn recover(&self, paid: bool) {
        self.books.clock.advance(Duration::from_secs(30));
        self.process(None, paid).recover_due().await.unwrap();
    }
}

/// Runs a checkout, and with `cancels` a cancel behind it, that crashes after so many steps; answers whether it did.
async fn crash_at(world: &World, step: u32, paid: bool, cancels: bool, witness: &mut Witness) -> bool {
    let product = world.goods.put(450, 10).await;
    witness.shelf.insert(product, 10);
    let user = world.books.user();
    let place = PlaceOrder {
        user_id: user,
        idempotency_key: "k".to_owned(),
        request_hash: [1; 32],
        lines: lines(&[(product, 3)]),
        traceparent: None,
    };
    let fuse = Fuse::of(step);
    let fused = world.process(Some(&fuse), paid);
    let healthy = world.process(None, paid);
    let run = async {
        if !cancels {
            return fused.place(place).await.map(|placed| (placed.order.id, false)).unwrap();
        }
        let placed = healthy.place(place).await.unwrap().order;
        let cancelled = fused.cancel(placed.id, Some(user), None).await.unwrap();
        // Goods and money come back behind the answer.
        fused.workers().close();
        fused.workers().wait().await;
        (cancelled.order.id, true)
    };
    tokio::select! {
        biased;
        () = fuse.burnt.notified() => true,
        (id, promised) = run => {
            witness.told.insert(id);
            if promised {
                witness.promised.insert(id);
            }
            false
        }
    }
}

async fn every_crash(stage: (Books, Arc<dyn Warehouse>), paid: bool, cancels: bool) {
    let world = World::of(stage);
    let mut witness = Witness::default();
    let mut step = 1;
    while crash_at(&world, step, paid, cancels, &mut witness).await {
        world.recover(paid).await;
        let found = violations(&*world.books.store, &*world.goods, &world.hold, &witness).await;
        assert!(found.is_empty(), "after a crash at step {step}: {found:#?}");
        step += 1;
        assert!(step < 100, "it crashed at every step");
    }
    // It does take steps: the insert, the sale and the change, each twice.
    assert!(step > 6, "only {step} steps");
    world.recover(paid).await;
    let found = violations(&*world.books.store, &*world.goods, &world.hold, &witness).await;
    assert!(found.is_empty(), "{found:#?}");
}

async fn a_crash_at_any_point_of_a_checkout_loses_nothing(stage: (Books, Arc<dyn Warehouse>)) {
    every_crash(stage, false, false).await;
}

async fn a_crash_at_any_point_of_a_paid_checkout_loses_nothing(stage: (Books, Arc<dyn Warehouse>)) {
    every_crash(stage, true, false).await;
}

async fn a_crash_at_any_point_of_a_cancel_keeps_its_promise(stage: (Books, Arc<dyn Warehouse>)) {
    every_crash(stage, false, true).await;
}

async fn a_crash_at_any_point_of_a_paid_cancel_keeps_its_promise(stage: (Books, Arc<dyn Warehouse>)) {
    every_crash(stage, true, true).await;
}
