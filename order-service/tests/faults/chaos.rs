//! Many clients, a stock and a provider that lose, repeat and delay what they are asked, and a shop that goes on.
//!
//! Every fault is drawn from a seed, which a failure names: `CHAOS_SEED` is the constant to change to run it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use order_service::inventory::Inventory;
use order_service::payment::{Authorised, Captured, Hold, PaymentError, PaymentProvider, Providers, Refunded, Voided};
use order_service::service::{CancelError, OrderService, PlaceError, PlaceOrder};
use order_service::timings::Timings;
use platform_clock::{Clock, ManualClock, SystemClock};
use product_api::{
    Confirmed, Released, Reservation, ReservationPage, Returned, SaleMode, Stock, StockError, StockFault, StockRequest,
};
use tokio_util::sync::CancellationToken;
use values::{Money, OrderId, ProductId};

use super::verdict::{Witness, violations};
use crate::stock_through;
use crate::support::warehouse::Warehouse;
use crate::support::{Books, eventually, lines, open_with_goods};

platform_sql::stores!(
    "order",
    open_with_goods,
    [
        nothing_is_lost_or_doubled_without_payments,
        nothing_is_lost_or_doubled_without_payments_again,
        nothing_is_lost_or_doubled_with_payments,
        nothing_is_lost_or_doubled_with_payments_again,
    ]
);

const CHAOS_SEED: u64 = 20_261_122;
const CLIENTS: u64 = 24;

/// Chance that repeats from run to run.
struct Dice(ManualClock);

impl Dice {
    fn new(seed: u64) -> Self {
        let dice = ManualClock::default();
        for _ in 0..seed % 1_000 {
            dice.fraction();
        }
        Self(dice)
    }

    fn below(&self, limit: usize) -> usize {
        let mut byte = [0_u8; 1];
        self.0.fill_random(&mut byte);
        usize::from(byte[0]) % limit
    }
}

/// A way on which calls and answers get lost.
struct Way {
    dice: Dice,
    is_rough: AtomicBool,
}

/// Neither the call nor its answer is known to have arrived.
struct Lost;

impl Way {
    fn rough(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            dice: Dice::new(seed),
            is_rough: AtomicBool::new(true),
        })
    }

    async fn send<T, F>(&self, call: impl Fn() -> F) -> Result<T, Lost>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let kind = if self.is_rough.load(Ordering::SeqCst) {
            self.dice.below(12)
        } else {
            11
        };
        let pause = Duration::from_millis(self.dice.below(60) as u64);
        match kind {
            // Lost on the way there.
            0 | 1 => Err(Lost),
            // Lost on the way back.
            2 | 3 => {
                call().await;
                Err(Lost)
            }
            // Arrives twice.
            4 => {
                call().await;
                Ok(call().await)
            }
            // Arrives when nobody waits for it any more.
            5 | 6 => {
                let late = call();
                tokio::spawn(async move {
                    tokio::time::sleep(pause).await;
                    late.await;
                });
                Err(Lost)
            }
            // Nobody ever answers.
            7 => {
                call().await;
                std::future::pending().await
            }
            8 => {
                tokio::time::sleep(pause).await;
                Ok(call().await)
            }
            _ => Ok(call().await),
        }
    }
}

struct RoughStock {
    inner: Arc<dyn Stock>,
    way: Arc<Way>,
}

stock_through!(RoughStock, |this, call| {
    this.way.send(call).await.unwrap_or(Err(StockError::Unavailable(None)))
});

struct RoughPayment {
    inner: Arc<Hold>,
    way: Arc<Way>,
}

macro_rules! through {
    ($self:ident, |$inner:ident| $call:expr) => {{
        let call = || {
            let $inner = $self.inner.clone();
            async move { $call.await }
        };
        $self.way.send(call).await.unwrap_or(Err(PaymentError(None)))
    }};
}

#[async_trait]
impl PaymentProvider for RoughPayment {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn authorise(&self, order_id: OrderId, amount: Money) -> Result<Authorised, PaymentError> {
        through!(self, |inner| inner.authorise(order_id, amount))
    }

    async fn capture(&self, order_id: OrderId) -> Result<Captured, PaymentError> {
        through!(self, |inner| inner.capture(order_id))
    }

    async fn void(&self, order_id: OrderId) -> Result<Voided, PaymentError> {
        through!(self, |inner| inner.void(order_id))
    }

    async fn refund(&self, order_id: OrderId) -> Result<Refunded, PaymentError> {
        through!(self, |inner| inner.refund(order_id))
    }
}

/// So short that every time-out and every lease is met.
fn hasty(goods: &dyn Warehouse) -> Timings {
    Timings {
        call: goods.patience(),
        wait: Duration::from_millis(120),
        lease: Duration::from_millis(60),
        deadline: Duration::from_millis(700),
        first_back_off: Duration::from_millis(2),
        longest_back_off: Duration::from_millis(20),
        recovery: Duration::from_millis(20),
        ..Timings::default()
    }
}

/// Two replicas on the same books, and one that is slow: its answers come when its calls have long been given up.
fn replica(books: &Books, goods: &dyn Warehouse, stock: Arc<dyn Stock>, providers: Providers) -> Arc<OrderService> {
    let (clock, timings): (Arc<dyn Clock>, _) = (Arc::new(SystemClock), hasty(goods));
    let inventory = Arc::new(Inventory::new(goods.products(), clock.clone(), timings));
    Arc::new(OrderService::new(
        books.store.clone(),
        stock,
        providers,
        inventory,
        clock,
        timings,
    ))
}

async fn client(service: Arc<OrderService>, books: &Books, products: &[ProductId], dice: &Dice) -> Witness {
    let mut witness = Witness::default();
    let wanted = [
        (products[dice.below(products.len())], [1, 2, 3][dice.below(3)]),
        (products[dice.below(products.len())], 1),
    ];
    let wanted = if wanted[0].0 == wanted[1].0 {
        &wanted[..1]
    } else {
        &wanted[..]
    };
    let place = PlaceOrder {
        user_id: books.user(),
        idempotency_key: "k".to_owned(),
        request_hash: [1; 32],
        lines: lines(wanted),
        traceparent: None,
    };
    for _ in 0..=dice.below(3) {
        match service.place(place.clone()).await {
            Ok(placed) => drop(witness.told.insert(placed.order.id)),
            Err(PlaceError::KeyReused) => panic!("the key is used for one thing"),
            Err(PlaceError::Store(error)) => panic!("the books are fine: {error}"),
        }
    }
    assert_eq!(witness.told.len(), 1, "6: one key, one order");
    if dice.below(3) == 0 {
        let id = *witness.told.first().unwrap();
        match service.cancel(id, Some(place.user_id), None).await {
            Ok(_) => drop(witness.promised.insert(id)),
            Err(CancelError::NotCancellable) => {}
            Err(error) => panic!("{error}"),
        }
    }
    witness
}

async fn round((books, goods): &(Books, Arc<dyn Warehouse>), seed: u64, paid: bool) {
    let hold = Arc::new(Hold::declining_above(2_500));
    let dice = Dice::new(seed);
    let mut witness = Witness::default();
    let mut products = Vec::new();
    for pieces in [12, 20, 5] {
        let id = goods.put(500, pieces).await;
        witness.shelf.insert(id, pieces);
        products.push(id);
    }
    let ways = [Way::rough(seed + 1), Way::rough(seed + 2), Way::rough(seed + 3)];
    let replicas: Vec<Arc<OrderService>> = ways
        .iter()
        .map(|way| {
            let rough = Arc::new(RoughStock {
                inner: goods.stock(),
                way: way.clone(),
            });
            let payment = Arc::new(RoughPayment {
                inner: hold.clone(),
                way: way.clone(),
            });
            let providers = if paid {
                Providers::paying_with(payment)
            } else {
                Providers::none()
            };
            replica(books, &**goods, rough, providers)
        })
        .collect();
    let stop = CancellationToken::new();
    let jobs: Vec<_> = replicas
        .iter()
        .map(|service| tokio::spawn(service.clone().recover_for_ever(stop.clone())))
        .collect();

    let clients = (0..CLIENTS).map(async |n| {
        let dice = Dice::new(seed + 10 + n);
        tokio::time::sleep(Duration::from_millis(dice.below(200) as u64)).await;
        let service = replicas[dice.below(replicas.len())].clone();
        client(service, books, &products, &dice).await
    });
    // What is held for too long is let go, whoever may still want it.
    let sweeper = async {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(dice.below(80) as u64)).await;
            goods.expire().await;
        }
    };
    let (seen, ()) = futures::future::join(join_all(clients), sweeper).await;
    for client in seen {
        witness.told.extend(client.told);
        witness.promised.extend(client.promised);
    }
    for way in &ways {
        way.is_rough.store(false, Ordering::SeqCst);
    }
    let mut found = Vec::new();
    for _ in 0..400 {
        found = violations(&*books.store, &**goods, &hold, &witness).await;
        if found.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(found.is_empty(), "seed {seed}: {found:#?}");
    stop.cancel();
    join_all(jobs).await;
    // It stays so: calls that were late have come by now, or come to nothing.
    eventually("all workers are done", async || {
        replicas.iter().all(|service| service.workers().is_empty())
    })
    .await;
    found = violations(&*books.store, &**goods, &hold, &witness).await;
    assert!(found.is_empty(), "seed {seed}, afterwards: {found:#?}");
}

async fn nothing_is_lost_or_doubled_without_payments(stage: (Books, Arc<dyn Warehouse>)) {
    round(&stage, CHAOS_SEED, false).await;
}

async fn nothing_is_lost_or_doubled_without_payments_again(stage: (Books, Arc<dyn Warehouse>)) {
    round(&stage, CHAOS_SEED + 100, false).await;
}

async fn nothing_is_lost_or_doubled_with_payments(stage: (Books, Arc<dyn Warehouse>)) {
    round(&stage, CHAOS_SEED + 200, true).await;
}

async fn nothing_is_lost_or_doubled_with_payments_again(stage: (Books, Arc<dyn Warehouse>)) {
    round(&stage, CHAOS_SEED + 300, true).await;
}
