//! Books that agree, books that are made to disagree, and books that are read while they are written.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use order_api::{EventCounts, OrderRecordPage};
use product_api::{Confirmed, Released, ReservationPage, ReservedLine, Returned, SaleMode, StockRequest};
use values::{Currency, Money, ProductId, Quantity, Sku, UserId};

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// Books in memory. What stands in `later` replaces what is there, one at each reading of a suspect.
#[derive(Default)]
struct Shop {
    orders: Mutex<BTreeMap<OrderId, OrderRecord>>,
    reservations: Mutex<BTreeMap<OrderId, Reservation>>,
    shelf: Mutex<Vec<StockFault>>,
    later: Mutex<VecDeque<OrderRecord>>,
}

fn id(number: u128) -> OrderId {
    OrderId::from(Uuid::from_u128(number))
}

fn product() -> ProductId {
    ProductId::from(Uuid::from_u128(1))
}

fn order(number: u128, state: OrderState) -> OrderRecord {
    let is_bought = matches!(state, OrderState::Confirmed | OrderState::Paid | OrderState::Fulfilled);
    let was_bought = is_bought || matches!(state, OrderState::Refunding | OrderState::Refunded);
    let is = |holds: bool| u32::from(holds);
    OrderRecord {
        id: id(number),
        user_id: UserId::from(Uuid::from_u128(7)),
        state,
        provider: "none".to_owned(),
        lines: vec![(product(), Quantity::try_from(2).unwrap())],
        total: was_bought.then_some(20),
        captured: 0,
        refunded: 0,
        cancel_requested: false,
        events: EventCounts {
            confirmed: is(was_bought),
            paid: 0,
            rejected: is(state == OrderState::Rejected),
            cancelled: is(matches!(state, OrderState::Cancelled | OrderState::Refunded)),
        },
        created_at: NOW,
        updated_at: NOW,
        deadline_at: NOW.plus(Duration::from_mins(10)),
        confirmed_at: was_bought.then_some(NOW),
    }
}

fn held(number: u128, state: ReservationState) -> Reservation {
    let line = ReservedLine {
        product_id: product(),
        quantity: Quantity::try_from(2).unwrap(),
        counted: true,
        sku: Sku::try_from("TEA".to_owned()).unwrap(),
        name: "Tea".to_owned(),
        unit_price: Money::new(10, Currency::USD).unwrap(),
    };
    let has_lines = !matches!(state, ReservationState::Rejected | ReservationState::Released);
    Reservation {
        order_id: id(number),
        state,
        lines: has_lines.then_some(line).into_iter().collect(),
        refusal: None,
    }
}

impl Shop {
    /// A shop in which all is well.
    fn at_rest() -> Arc<Self> {
        let shop = Arc::new(Self::default());
        shop.put(order(10, OrderState::Paid), Some(held(10, ReservationState::Sold)));
        shop.put(
            order(20, OrderState::Rejected),
            Some(held(20, ReservationState::Rejected)),
        );
        shop.put(
            order(30, OrderState::Cancelled),
            Some(held(30, ReservationState::Released)),
        );
        shop.put(
            order(40, OrderState::Refunded),
            Some(held(40, ReservationState::Returned)),
        );
        shop.put(order(50, OrderState::Pending), None);
        shop
    }

    fn put(&self, order: OrderRecord, reservation: Option<Reservation>) {
        if let Some(reservation) = reservation {
            self.reservations.lock().unwrap().insert(order.id, reservation);
        }
        self.orders.lock().unwrap().insert(order.id, order);
    }

    fn change(&self, number: u128, change: impl FnOnce(&mut OrderRecord)) {
        change(self.orders.lock().unwrap().get_mut(&id(number)).unwrap());
    }

    fn books(self: &Arc<Self>) -> Books {
        Books {
            orders: self.clone(),
            stock: self.clone(),
        }
    }

    async fn violations(self: &Arc<Self>) -> Vec<String> {
        self.books().reconcile(false).await.unwrap().violations
    }
}

fn page<T: Clone>(all: &BTreeMap<OrderId, T>, after: Option<OrderId>, limit: u32) -> (Vec<T>, bool) {
    let rest = all.iter().filter(|(id, _)| after.is_none_or(|after| **id > after));
    let mut items: Vec<T> = rest.map(|(_, item)| item.clone()).take(limit as usize + 1).collect();
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    (items, more)
}

#[async_trait]
impl Orders for Shop {
    async fn list(&self, after: Option<OrderId>, limit: u32) -> Result<OrderRecordPage, OrdersError> {
        // Small pages, so that the walk crosses their edges.
        let (items, more) = page(&self.orders.lock().unwrap(), after, limit.min(3));
        Ok(OrderRecordPage {
            items,
            more,
            read_at: NOW,
        })
    }

    async fn get_many(&self, ids: &[OrderId]) -> Result<Vec<OrderRecord>, OrdersError> {
        let mut orders = self.orders.lock().unwrap();
        if let Some(later) = self.later.lock().unwrap().pop_front() {
            orders.insert(later.id, later);
        }
        Ok(ids.iter().filter_map(|id| orders.get(id).cloned()).collect())
    }
}

#[async_trait]
impl Stock for Shop {
    async fn reserve(&self, _: &StockRequest) -> Result<Reservation, StockError> {
        panic!("reconciling reserves nothing")
    }

    async fn sell(&self, _: &StockRequest, _: SaleMode) -> Result<Reservation, StockError> {
        panic!("reconciling sells nothing")
    }

    async fn confirm(&self, _: OrderId) -> Result<Confirmed, StockError> {
        panic!("reconciling confirms nothing")
    }

    async fn release(&self, order_id: OrderId) -> Result<Released, StockError> {
        let mut reservations = self.reservations.lock().unwrap();
        reservations.get_mut(&order_id).unwrap().state = ReservationState::Released;
        Ok(Released::Released)
    }

    async fn return_goods(&self, order_id: OrderId) -> Result<Returned, StockError> {
        let mut reservations = self.reservations.lock().unwrap();
        reservations.get_mut(&order_id).unwrap().state = ReservationState::Returned;
        Ok(Returned::Returned)
    }

    async fn reservations(&self, after: Option<OrderId>, limit: u32) -> Result<ReservationPage, StockError> {
        let (items, more) = page(&self.reservations.lock().unwrap(), after, limit.min(2));
        Ok(ReservationPage {
            items,
            more,
            read_at: NOW,
        })
    }

    async fn faults(&self) -> Result<Vec<StockFault>, StockError> {
        Ok(self.shelf.lock().unwrap().clone())
    }
}

#[tokio::test(start_paused = true)]
async fn books_that_agree_are_read_once_and_found_in_order() {
    let began = tokio::time::Instant::now();
    let report = Shop::at_rest().books().reconcile(false).await.unwrap();
    let expected = Report {
        orders: 5,
        reservations: 4,
        ..Report::default()
    };
    assert_eq!(report, expected);
    assert_eq!(began.elapsed(), Duration::ZERO, "there is no suspect to wait for");
}

/// One planted violation a rule: its number, how it is planted, and a part of what is said.
#[tokio::test(start_paused = true)]
async fn every_rule_finds_its_violation() {
    type Plant = fn(&Shop);
    let plants: [(u8, &str, Plant); 19] = [
        (4, "it is paid and its goods are unknown", |shop| {
            shop.put(order(1, OrderState::Paid), None);
        }),
        (4, "it is fulfilled and its goods are returned", |shop| {
            shop.put(
                order(1, OrderState::Fulfilled),
                Some(held(1, ReservationState::Returned)),
            );
        }),
        (4, "it is cancelled and its goods are held", |shop| {
            shop.put(order(1, OrderState::Cancelled), Some(held(1, ReservationState::Held)));
        }),
        (4, "it is refunded and its goods are sold", |shop| {
            shop.put(order(1, OrderState::Refunded), Some(held(1, ReservationState::Sold)));
        }),
        (4, "it is rejected and its goods are unknown", |shop| {
            shop.put(order(1, OrderState::Rejected), None);
        }),
        (4, "other goods", |shop| shop.change(10, |order| order.lines.clear())),
        (4, "its goods are sold and there is no such order", |shop| {
            shop.reservations
                .lock()
                .unwrap()
                .insert(id(60), held(60, ReservationState::Sold));
        }),
        (5, "its goods are released and there is no such order", |shop| {
            shop.reservations
                .lock()
                .unwrap()
                .insert(id(60), held(60, ReservationState::Released));
        }),
        (7, "its total is 19 and its goods cost 20", |shop| {
            shop.change(10, |order| order.total = Some(19));
        }),
        (7, "has no total", |shop| shop.change(10, |order| order.total = None)),
        (7, "5 was captured of a total of 20", |shop| {
            shop.change(40, |order| (order.captured, order.refunded) = (5, 5));
        }),
        (7, "7 was given back of 20", |shop| {
            shop.change(40, |order| (order.captured, order.refunded) = (20, 7));
        }),
        (7, "20 was captured and it is cancelled", |shop| {
            shop.change(30, |order| (order.total, order.captured) = (Some(20), 20));
        }),
        (7, "it is paid by hold and 0 of 20", |shop| {
            shop.change(10, |order| order.provider = "hold".to_owned());
        }),
        (7, "it is refunded and 0 of 20", |shop| {
            shop.change(40, |order| order.captured = 20);
        }),
        (8, "2 order.confirmed", |shop| {
            shop.change(10, |order| order.events.confirmed = 2);
        }),
        (8, "0 order.rejected and not 1", |shop| {
            shop.change(20, |order| order.events.rejected = 0);
        }),
        (9, "it has been pending for", |shop| {
            shop.change(50, |order| order.deadline_at = NOW.minus(Duration::from_secs(61)));
        }),
        (10, "a cancel was taken and it is paid", |shop| {
            shop.change(10, |order| order.cancel_requested = true);
        }),
    ];
    for (number, part, plant) in plants {
        let shop = Shop::at_rest();
        plant(&shop);
        let violations = shop.violations().await;
        let is_named = |line: &String| line.starts_with(&format!("invariant {number}: ")) && line.contains(part);
        assert!(violations.iter().any(is_named), "{number} {part}: {violations:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_must_end_soon_is_found_when_it_does_not() {
    for state in [OrderState::Cancelling, OrderState::Refunding, OrderState::Confirmed] {
        let shop = Shop::at_rest();
        let held = held(1, ReservationState::Sold);
        shop.put(order(1, state), Some(held));
        assert_eq!(shop.violations().await, Vec::<String>::new(), "{state:?} just now");
        shop.change(1, |order| order.updated_at = NOW.minus(Duration::from_secs(61)));
        let violations = shop.violations().await;
        assert!(
            violations.iter().all(|line| line.starts_with("invariant 9: ")),
            "{violations:?}"
        );
        assert_eq!(violations.len(), 1, "{violations:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn events_that_the_outbox_has_forgotten_are_not_missed() {
    let shop = Shop::at_rest();
    shop.change(10, |order| {
        order.events = EventCounts::default();
        order.created_at = NOW.minus(Duration::from_hours(7 * 24));
    });
    assert!(shop.violations().await.is_empty());
    shop.change(10, |order| order.events.confirmed = 2);
    assert_eq!(shop.violations().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_seen_on_its_way_is_no_violation() {
    let shop = Shop::at_rest();
    // Read as pending, although the stock has sold; a moment later both agree.
    shop.put(order(60, OrderState::Paid), None);
    shop.reservations
        .lock()
        .unwrap()
        .insert(id(60), held(60, ReservationState::Held));
    let books = shop.books();
    let reconciling = tokio::spawn(async move { books.reconcile(false).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    shop.reservations
        .lock()
        .unwrap()
        .insert(id(60), held(60, ReservationState::Sold));
    let report = reconciling.await.unwrap().unwrap();
    assert_eq!(report.violations, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_suspect_that_moves_is_read_again_until_it_rests() {
    let shop = Shop::at_rest();
    let moving = |second: u64| OrderRecord {
        updated_at: NOW.plus(Duration::from_secs(second)),
        ..order(60, OrderState::Cancelled)
    };
    shop.put(moving(0), Some(held(60, ReservationState::Held)));
    let at_rest = order(60, OrderState::Pending);
    *shop.later.lock().unwrap() = VecDeque::from([moving(1), at_rest]);
    assert_eq!(shop.violations().await, Vec::<String>::new());

    *shop.later.lock().unwrap() = VecDeque::from([moving(2), moving(3), moving(4)]);
    shop.change(60, |order| *order = moving(1));
    assert_eq!(
        shop.violations().await.len(),
        1,
        "it was wrong at each of four readings"
    );
}

#[tokio::test(start_paused = true)]
async fn faults_of_the_shelf_count_if_they_last() {
    let shop = Shop::at_rest();
    let fault = StockFault {
        product_id: product(),
        invariant: 3,
        detail: "reserved is 2 and 0 are held".to_owned(),
    };
    *shop.shelf.lock().unwrap() = vec![fault.clone()];
    let expected = format!("invariant 3: reserved is 2 and 0 are held: product {}", product());
    assert_eq!(shop.violations().await, [expected]);

    let books = shop.books();
    let reconciling = tokio::spawn(async move { books.reconcile(false).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    shop.shelf.lock().unwrap().clear();
    assert!(reconciling.await.unwrap().unwrap().violations.is_empty());
}

#[tokio::test(start_paused = true)]
async fn goods_that_nobody_will_get_go_back_and_nothing_else_is_touched() {
    let shop = Shop::at_rest();
    shop.put(order(1, OrderState::Cancelled), Some(held(1, ReservationState::Held)));
    shop.put(order(2, OrderState::Refunded), Some(held(2, ReservationState::Sold)));
    shop.reservations
        .lock()
        .unwrap()
        .insert(id(3), held(3, ReservationState::Held));
    shop.reservations
        .lock()
        .unwrap()
        .insert(id(4), held(4, ReservationState::Sold));
    shop.put(order(5, OrderState::Paid), Some(held(5, ReservationState::Released)));

    let report = shop.books().reconcile(true).await.unwrap();
    let states = |number| shop.reservations.lock().unwrap()[&id(number)].state;
    assert_eq!(
        [1, 2].map(states),
        [ReservationState::Released, ReservationState::Returned]
    );
    // Goods of an order that is lost: let go while they are only held; what is sold, somebody may wait for.
    assert_eq!([3, 4].map(states), [ReservationState::Released, ReservationState::Sold]);
    assert_eq!(report.repaired.len(), 2, "{report:?}");
    assert_eq!(report.violations.len(), 3, "{report:?}");
}
