//! Many at once: buyers, admins, and two workers on one database, as two processes have them.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use platform_clock::SystemClock;
use platform_sql::Database;
use product_api::events::StockChanged;
use product_api::{Product, Refusal, Reservation, ReservationState, SaleMode};
use product_service::store::stock::Step;
use product_service::store::{StockChange, StoreError, Stores};
use tokio::task::JoinSet;

use super::past::shelf;
use super::{order, shelved, take};
use crate::samples::act;
use crate::store::open;

platform_sql::stores!(
    "product",
    two_workers,
    [
        a_sold_out_product_spoils_nobody_elses_order,
        a_hot_product_is_sold_to_the_last_piece,
        opposite_orders_to_two_workers_do_not_lock_each_other_out,
        an_admin_changes_the_shelf_beside_sales,
    ]
);

/// What two processes have.
async fn two_workers(database: Database) -> [Stores; 2] {
    let first = open(database.clone()).await;
    let second = Stores::new(database, Arc::new(SystemClock));
    [first, second]
}

fn sell(stores: &Stores, wanted: &[(&Product, i64)]) -> (Stores, Step) {
    (stores.clone(), Step::Sell(order(wanted), SaleMode::Always))
}

async fn at_once(steps: impl IntoIterator<Item = (Stores, Step)>) -> Vec<Reservation> {
    let mut tasks = JoinSet::new();
    for (stores, step) in steps {
        tasks.spawn(async move { take(&stores, step).await });
    }
    tasks.join_all().await
}

async fn a_sold_out_product_spoils_nobody_elses_order([stores, _]: [Stores; 2]) {
    let (scarce, plenty) = (shelved(&stores, 3).await, shelved(&stores, 100).await);
    let sales = (0..32).map(|n| match n % 2 {
        0 => order(&[(&plenty, 1)]),
        _ => order(&[(&scarce, 1), (&plenty, 1)]),
    });
    // On one thread they are one batch, in this order.
    let sales = join_all(sales.map(|request| take(&stores, Step::Sell(request, SaleMode::Always)))).await;
    let states: Vec<_> = sales.iter().map(|sale| sale.state).collect();
    for (n, state) in states.into_iter().enumerate() {
        let is_refused = n % 2 == 1 && n > 5;
        let expected = if is_refused {
            ReservationState::Rejected
        } else {
            ReservationState::Sold
        };
        assert_eq!(state, expected, "{n}");
    }
    let refusal = sales[31].refusal.as_ref();
    let is_short = |refusal: &Refusal| matches!(refusal, Refusal::InsufficientStock { items } if items.len() == 1 && items[0].product_id == scarce.id && items[0].available == 0);
    assert!(refusal.is_some_and(is_short), "{refusal:?}");
    assert_eq!(shelf(&stores.database, scarce.id).await, (true, 0, 0));
    assert_eq!(shelf(&stores.database, plenty.id).await, (true, 100 - 16 - 3, 0));
    assert_eq!(stores.stock.faults().await.unwrap(), []);
}

async fn a_hot_product_is_sold_to_the_last_piece(workers: [Stores; 2]) {
    let stores = &workers[0];
    let hot = shelved(stores, 100).await;
    let sales = at_once((0..150).map(|n| sell(&workers[n % 2], &[(&hot, 1)]))).await;
    let sold = sales.iter().filter(|sale| sale.state == ReservationState::Sold);
    assert_eq!(sold.count(), 100);
    assert_eq!(shelf(&stores.database, hot.id).await, (true, 0, 0));
    assert_eq!(stores.stock.faults().await.unwrap(), []);
}

async fn opposite_orders_to_two_workers_do_not_lock_each_other_out(workers: [Stores; 2]) {
    let stores = &workers[0];
    let (one, two, three) = (
        shelved(stores, 1_000).await,
        shelved(stores, 1_000).await,
        shelved(stores, 1_000).await,
    );
    let pairs = [[&one, &two], [&two, &three], [&three, &one]];
    let mut steps = Vec::new();
    for n in 0..120 {
        let [first, second] = pairs[n % 3];
        let request = order(&[(first, 1), (second, 1)]);
        // Each to both workers, so that they meet at the orders as well.
        for worker in &workers {
            let request = request.clone();
            let step = match n % 4 {
                0 => Step::Reserve(request),
                _ => Step::Sell(request, SaleMode::Always),
            };
            steps.push((worker.clone(), step));
        }
    }
    for taken in at_once(steps).await {
        assert!(matches!(taken.state, ReservationState::Sold | ReservationState::Held));
    }
    for product in [&one, &two, &three] {
        assert_eq!(shelf(&stores.database, product.id).await, (true, 940, 20));
    }
    assert_eq!(stores.stock.faults().await.unwrap(), []);
}

async fn an_admin_changes_the_shelf_beside_sales(workers: [Stores; 2]) {
    let stores = &workers[0];
    let (one, two) = (shelved(stores, 40).await, shelved(stores, 40).await);
    let buying = at_once((0..160).map(|n| match n % 4 {
        0 => sell(&workers[n % 2], &[(&one, 1), (&two, 1)]),
        1 => sell(&workers[n % 2], &[(&two, 2)]),
        2 => sell(&workers[n % 2], &[(&one, 1)]),
        _ => (workers[n % 2].clone(), Step::Reserve(order(&[(&one, 1)]))),
    }));
    let changing = async {
        let changes = [
            StockChange::Delta(7),
            StockChange::Set(Some(11)),
            StockChange::Delta(-3),
            StockChange::Set(None),
            StockChange::Set(Some(30)),
        ];
        for change in changes.into_iter().cycle().take(30) {
            for product in [&one, &two] {
                let products = &stores.products;
                let changed = products.change_stock(product.id, change, "counted".to_owned(), act(), None);
                match changed.await {
                    Ok(_) | Err(StoreError::Insufficient { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
    };
    let (taken, ()) = futures::future::join(buying, changing).await;
    let decided = |state| {
        !matches!(
            state,
            ReservationState::Sold | ReservationState::Held | ReservationState::Rejected
        )
    };
    assert!(!taken.iter().any(|reservation| decided(reservation.state)));
    assert_eq!(stores.stock.faults().await.unwrap(), []);

    // What was told comes to what there is, and never steps back.
    let mut last: BTreeMap<_, StockChanged> = BTreeMap::new();
    for pending in stores.database.outbox().pending(10_000).await.unwrap() {
        if pending.event.kind == "stock.changed.v1" {
            let change: StockChanged = pending.event.data().unwrap();
            let before = last.insert(change.product_id, change.clone());
            assert!(before.is_none_or(|before| before.seq < change.seq));
        }
    }
    for product in [&one, &two] {
        let (counted, on_hand, reserved) = shelf(&stores.database, product.id).await;
        assert_eq!(last[&product.id].available, counted.then_some(on_hand - reserved));
    }
}
