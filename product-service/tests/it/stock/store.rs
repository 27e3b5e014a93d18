//! Every method of the store, past the service.

use std::time::Duration;

use futures::future::join_all;
use platform_clock::{Clock, SystemClock};
use platform_events::Event;
use platform_sql::Error;
use product_api::events::StockChanged;
use product_api::{ReservationState, SaleMode};
use product_service::store::Stores;
use product_service::store::stock::{HELD_FOR, Step, Stepped};
use values::OrderId;

use super::past::{ledger, shelf, tamper};
use super::{order, shelved, take};
use crate::store::open;

platform_sql::stores!(
    "product",
    open,
    [
        a_step_for_an_unknown_order_leaves_nothing,
        a_step_for_other_lines_is_told_apart,
        what_comes_and_goes_is_in_the_ledger,
        a_batch_tells_of_each_product_once,
        who_can_buy_as_much_as_before_is_told_nothing,
        a_step_that_the_books_refuse_fails_alone,
        what_is_held_for_too_long_is_found_longest_first,
        reservations_are_read_after_an_id,
        what_does_not_add_up_is_found,
    ]
);

async fn step(stores: &Stores, step: Step) -> Result<Stepped, Error> {
    stores.stock.step(step, SystemClock.now()).await
}

async fn a_step_for_an_unknown_order_leaves_nothing(stores: Stores) {
    let id = OrderId::from(SystemClock.new_id());
    for nothing in [Step::Confirm(id), Step::Return(id), Step::Expire(id)] {
        assert_eq!(step(&stores, nothing).await.unwrap(), Stepped::Nothing);
    }
    assert_eq!(stores.stock.reservations(None, 10).await.unwrap(), []);
    assert_eq!(take(&stores, Step::Release(id)).await.state, ReservationState::Released);
}

async fn a_step_for_other_lines_is_told_apart(stores: Stores) {
    let product = shelved(&stores, 5).await;
    let request = order(&[(&product, 1)]);
    take(&stores, Step::Reserve(request.clone())).await;
    let mut other = order(&[(&product, 2)]);
    other.order_id = request.order_id;
    for step_of_other in [
        Step::Reserve(other.clone()),
        Step::Sell(other.clone(), SaleMode::Always),
    ] {
        assert_eq!(step(&stores, step_of_other).await.unwrap(), Stepped::OtherRequest);
    }
    assert_eq!(shelf(&stores.database, product.id).await, (true, 5, 1));
}

async fn what_comes_and_goes_is_in_the_ledger(stores: Stores) {
    let (counted, endless) = (shelved(&stores, 5).await, shelved(&stores, None).await);
    let request = order(&[(&counted, 2), (&endless, 3)]);
    let id = request.order_id;
    let sold = || vec![("sold".to_owned(), -2)];
    take(&stores, Step::Reserve(request)).await;
    assert_eq!(ledger(&stores.database, id).await, []);
    for _ in 0..2 {
        take(&stores, Step::Confirm(id)).await;
        assert_eq!(ledger(&stores.database, id).await, sold());
    }
    for _ in 0..2 {
        take(&stores, Step::Return(id)).await;
        let mut entries = ledger(&stores.database, id).await;
        entries.sort_by_key(|(_, delta)| *delta);
        assert_eq!(entries, [sold(), vec![("returned".to_owned(), 2)]].concat());
    }
    assert_eq!(shelf(&stores.database, counted.id).await, (true, 5, 0));
    assert_eq!(shelf(&stores.database, endless.id).await, (false, 0, 0));
}

/// The events about stock so far.
async fn told(stores: &Stores) -> Vec<StockChanged> {
    let pending = stores.database.outbox().pending(10_000).await.unwrap();
    let events: Vec<Event> = pending.into_iter().map(|pending| pending.event).collect();
    let of_stock = events.iter().filter(|event| event.kind == "stock.changed.v1");
    of_stock.map(|event| event.data().unwrap()).collect()
}

async fn a_batch_tells_of_each_product_once(stores: Stores) {
    let (one, two) = (shelved(&stores, 50).await, shelved(&stores, 50).await);
    // On one thread all of them wait before the worker looks.
    let sales = (0..30).map(|_| take(&stores, Step::Sell(order(&[(&one, 1), (&two, 1)]), SaleMode::Always)));
    let sold = join_all(sales).await;
    assert!(sold.iter().all(|sale| sale.state == ReservationState::Sold));
    let mut expected = [one.id, two.id].map(|product_id| StockChanged {
        product_id,
        available: Some(20),
        seq: 2,
    });
    expected.sort_by_key(|change| change.product_id);
    assert_eq!(told(&stores).await, expected);
    take(&stores, Step::Reserve(order(&[(&one, 5)]))).await;
    let last = told(&stores).await.pop().unwrap();
    assert_eq!((last.product_id, last.available, last.seq), (one.id, Some(15), 3));
}

async fn who_can_buy_as_much_as_before_is_told_nothing(stores: Stores) {
    let (counted, endless) = (shelved(&stores, 5).await, shelved(&stores, None).await);
    let request = order(&[(&counted, 2)]);
    take(&stores, Step::Reserve(request.clone())).await;
    assert_eq!(told(&stores).await.len(), 1);
    take(&stores, Step::Confirm(request.order_id)).await;
    take(&stores, Step::Sell(order(&[(&endless, 1)]), SaleMode::Always)).await;
    let refused = take(&stores, Step::Sell(order(&[(&counted, 9)]), SaleMode::Always)).await;
    assert_eq!(refused.state, ReservationState::Rejected);
    assert_eq!(told(&stores).await.len(), 1);
}

async fn a_step_that_the_books_refuse_fails_alone(stores: Stores) {
    let (broken, whole) = (shelved(&stores, 5).await, shelved(&stores, 5).await);
    let held = order(&[(&broken, 3)]);
    take(&stores, Step::Reserve(held.clone())).await;
    tamper(
        &stores.database,
        "UPDATE stock SET reserved = 1 WHERE product_id = $1",
        broken.id,
    )
    .await;
    let sale = |product| step(&stores, Step::Sell(order(&[(product, 1)]), SaleMode::Always));
    let steps = join_all([sale(&whole), sale(&broken)]);
    let (confirmed, sold) = futures::future::join(step(&stores, Step::Confirm(held.order_id)), steps).await;
    assert!(matches!(confirmed, Err(Error::Fault(_))), "{confirmed:?}");
    for sold in sold {
        assert!(matches!(sold.unwrap(), Stepped::Stands(sale) if sale.state == ReservationState::Sold));
    }
    assert_eq!(shelf(&stores.database, whole.id).await, (true, 4, 0));
}

async fn what_is_held_for_too_long_is_found_longest_first(stores: Stores) {
    let product = shelved(&stores, 50).await;
    let start = SystemClock.now();
    let mut held = Vec::new();
    for minute in [3, 1, 2] {
        let request = order(&[(&product, 1)]);
        let at = start.plus(Duration::from_mins(minute));
        stores.stock.step(Step::Reserve(request.clone()), at).await.unwrap();
        held.push(request.order_id);
    }
    let over = |minute| start.plus(Duration::from_mins(minute)).plus(HELD_FOR);
    assert_eq!(stores.stock.due(over(0), 10).await.unwrap(), []);
    assert_eq!(stores.stock.due(over(2), 10).await.unwrap(), [held[1], held[2]]);
    assert_eq!(stores.stock.due(over(9), 1).await.unwrap(), [held[1]]);
    take(&stores, Step::Confirm(held[1])).await;
    take(&stores, Step::Release(held[2])).await;
    assert_eq!(stores.stock.due(over(9), 10).await.unwrap(), [held[0]]);
    let early = stores.stock.step(Step::Expire(held[0]), over(2)).await.unwrap();
    assert!(matches!(early, Stepped::Stands(row) if row.state == ReservationState::Held));
}

async fn reservations_are_read_after_an_id(stores: Stores) {
    let product = shelved(&stores, 50).await;
    let mut written = Vec::new();
    for _ in 0..4 {
        written.push(take(&stores, Step::Reserve(order(&[(&product, 1)]))).await);
    }
    written.sort_by_key(|reservation| reservation.order_id);
    assert_eq!(stores.stock.reservations(None, 3).await.unwrap(), written[..3]);
    let after = Some(written[1].order_id);
    assert_eq!(stores.stock.reservations(after, 9).await.unwrap(), written[2..]);
}

async fn what_does_not_add_up_is_found(stores: Stores) {
    let mut products = Vec::new();
    for _ in 0..5 {
        products.push(shelved(&stores, 10).await);
    }
    let sales: Vec<_> = products.iter().map(|product| order(&[(product, 2)])).collect();
    for sale in &sales {
        take(&stores, Step::Sell(sale.clone(), SaleMode::Always)).await;
    }
    let held = order(&[(&products[2], 1)]);
    take(&stores, Step::Reserve(held.clone())).await;
    assert_eq!(stores.stock.faults().await.unwrap(), []);

    let database = &stores.database;
    tamper(
        database,
        "UPDATE stock SET on_hand = on_hand + 1 WHERE product_id = $1",
        products[0].id,
    )
    .await;
    tamper(
        database,
        "UPDATE stock SET reserved = reserved + 1 WHERE product_id = $1",
        products[1].id,
    )
    .await;
    let forget = "UPDATE reservations SET state = 'released', expires_at = NULL WHERE order_id = $1";
    tamper(database, forget, held.order_id).await;
    // Sold, says the row, and the goods came back all the same; or the other way round.
    let back = "UPDATE stock SET on_hand = on_hand + 2 WHERE product_id = $1";
    tamper(database, back, products[3].id).await;
    tamper(
        database,
        "DELETE FROM stock_ledger WHERE order_id = $1",
        sales[3].order_id,
    )
    .await;
    tamper(
        database,
        "UPDATE reservations SET state = 'returned' WHERE order_id = $1",
        sales[4].order_id,
    )
    .await;

    let found = stores.stock.faults().await.unwrap();
    let mut found: Vec<_> = found.iter().map(|fault| (fault.product_id, fault.invariant)).collect();
    found.sort_unstable();
    let mut expected = vec![
        (products[0].id, 2),
        (products[1].id, 3),
        (products[2].id, 3),
        (products[3].id, 2),
        (products[4].id, 2),
    ];
    expected.sort_unstable();
    assert_eq!(found, expected);
}
