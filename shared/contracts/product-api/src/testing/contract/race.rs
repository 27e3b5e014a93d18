//! Many callers at once.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::scene::Scene;
use crate::testing::{HELD_FOR, Shelf, StockBackend};
use crate::{Confirmed, Released, Reservation, ReservationState, SaleMode, Stock, StockRequest};
use platform_clock::Clock;

/// 64 clients for the last one.
pub async fn the_last_piece_has_one_winner_among_many(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(1).await;
    let requests = (0..64).map(|_| scene.order(&[(&product, 1)])).collect();
    let answers = sell_at_once(&scene.stock, requests).await;
    let won = answers
        .iter()
        .filter(|answer| answer.state == ReservationState::Sold)
        .count();
    let lost = answers
        .iter()
        .filter(|answer| answer.state == ReservationState::Rejected)
        .count();
    assert_eq!((won, lost), (1, 63));
    assert_eq!(scene.shelf(&product).await, Shelf::counted(0, 0));
    scene.adds_up().await;
}

/// One order id from many callers.
pub async fn twins_of_one_order_sell_once(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(100).await;
    let request = scene.order(&[(&product, 1)]);
    let answers = sell_at_once(&scene.stock, vec![request; 16]).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].state, ReservationState::Sold);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(99, 0));
    scene.adds_up().await;
}

/// The same products, in every combination, sold and held at once.
pub async fn opposite_orders_do_not_lock_each_other_out(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let mut products = Vec::new();
    for _ in 0..4 {
        products.push(scene.product(1000).await);
    }
    let mut calls = JoinSet::new();
    for round in 0..48 {
        let (first, second) = (&products[round % 4], &products[(round + 1 + round / 4 % 3) % 4]);
        let request = scene.order(&[(first, 1), (second, 1)]);
        let stock = scene.stock.clone();
        calls.spawn(async move {
            match round % 3 {
                0 => stock.sell(&request, SaleMode::Always).await,
                1 => stock.sell(&request, SaleMode::OnlyIfFree).await,
                _ => stock.reserve(&request).await,
            }
        });
    }
    while let Some(answer) = calls.join_next().await {
        let state = answer.expect("no panic").expect("no deadlock reaches the caller").state;
        assert!(matches!(state, ReservationState::Sold | ReservationState::Held));
    }
    let mut goods = (0, 0);
    for product in &products {
        let shelf = scene.shelf(product).await;
        goods = (goods.0 + shelf.on_hand, goods.1 + shelf.reserved);
    }
    assert_eq!(goods, (4000 - 16 * 2, 32 * 2));
    scene.adds_up().await;
}

/// Every caller is told what stands in the books afterwards.
pub async fn confirm_release_and_expiry_race_and_one_wins(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(1000).await;
    let mut requests = Vec::new();
    for _ in 0..16 {
        requests.push(scene.brought_to(ReservationState::Held, &product, 1).await);
    }
    backend.clock().advance(HELD_FOR);
    let mut calls = JoinSet::new();
    for request in &requests {
        let (confirming, releasing, order_id) = (scene.stock.clone(), scene.stock.clone(), request.order_id);
        calls.spawn(async move {
            let (confirmed, released) = tokio::join!(confirming.confirm(order_id), releasing.release(order_id));
            (order_id, confirmed.expect("definite"), released.expect("definite"))
        });
    }
    backend.sweep().await;
    let mut sold = 0;
    while let Some(outcome) = calls.join_next().await {
        let (order_id, confirmed, released) = outcome.expect("no panic");
        let request = requests
            .iter()
            .find(|request| request.order_id == order_id)
            .expect("it was sent");
        let expected = match scene.state(request).await {
            ReservationState::Sold => (Confirmed::Sold, Released::AlreadySold),
            ReservationState::Released | ReservationState::Expired => (Confirmed::Gone, Released::Released),
            other => panic!("nothing leads to {other:?}"),
        };
        assert_eq!((confirmed, released), expected);
        sold += i64::from(confirmed == Confirmed::Sold);
    }
    assert_eq!(scene.shelf(&product).await, Shelf::counted(1000 - sold, 0));
    scene.adds_up().await;
}

/// Either the tombstone came first and nothing is sold, or the sale did and the release knows.
pub async fn a_release_that_races_a_sale_agrees_with_it(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(1000).await;
    let mut calls = JoinSet::new();
    for _ in 0..16 {
        let request = scene.order(&[(&product, 1)]);
        let (selling, releasing) = (scene.stock.clone(), scene.stock.clone());
        calls.spawn(async move {
            let (sold, released) = tokio::join!(
                selling.sell(&request, SaleMode::Always),
                releasing.release(request.order_id)
            );
            (sold.expect("definite").state, released.expect("definite"))
        });
    }
    let mut sales = 0;
    while let Some(outcome) = calls.join_next().await {
        match outcome.expect("no panic") {
            (ReservationState::Sold, Released::AlreadySold) => sales += 1,
            (ReservationState::Released, Released::Released) => {}
            other => panic!("the two do not agree: {other:?}"),
        }
    }
    assert_eq!(scene.shelf(&product).await, Shelf::counted(1000 - sales, 0));
    scene.adds_up().await;
}

/// Random operations on random orders, twins among them, for a few scarce products.
pub async fn a_busy_day_adds_up(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let mut products = Vec::new();
    for stock in [Some(3), Some(10), Some(40), None] {
        products.push(scene.product_at(i64::from(products.len() != 1) * 500, stock).await);
    }
    let mut chance = Chance(backend.clock());
    let mut orders = Vec::new();
    for _ in 0..40 {
        let first = &products[chance.below(4)];
        let second = &products[chance.below(4)];
        let pieces = 1 + u32::try_from(chance.below(3)).expect("below three");
        let lines: &[_] = if first.id == second.id {
            &[(first, pieces)]
        } else {
            &[(first, pieces), (second, 1)]
        };
        orders.push(scene.order(lines));
    }
    for round in 0..3 {
        let mut calls = JoinSet::new();
        for _ in 0..64 {
            let request = orders[chance.below(orders.len())].clone();
            calls.spawn(one_of_them(scene.stock.clone(), request, chance.below(6)));
        }
        if round == 1 {
            backend.clock().advance(HELD_FOR);
            backend.sweep().await;
        }
        while let Some(call) = calls.join_next().await {
            call.expect("no panic");
        }
        scene.adds_up().await;
    }
    let page = scene.stock.reservations(None, 1000).await.expect("definite");
    for (product, stock) in products.iter().zip([3, 10, 40]) {
        let pieces = |state| -> i64 {
            let rows = page.items.iter().filter(|row| row.state == state);
            let lines = rows
                .flat_map(|row| &row.lines)
                .filter(|line| line.product_id == product.id);
            lines.map(|line| i64::from(line.quantity.get())).sum()
        };
        let expected = Shelf::counted(stock - pieces(ReservationState::Sold), pieces(ReservationState::Held));
        assert_eq!(scene.shelf(product).await, expected);
    }
}

async fn one_of_them(stock: Arc<dyn Stock>, request: StockRequest, which: usize) {
    match which {
        0 => drop(stock.reserve(&request).await.expect("definite")),
        1 => drop(stock.sell(&request, SaleMode::OnlyIfFree).await.expect("definite")),
        2 => drop(stock.sell(&request, SaleMode::Always).await.expect("definite")),
        3 => drop(stock.confirm(request.order_id).await.expect("definite")),
        4 => drop(stock.release(request.order_id).await.expect("definite")),
        _ => drop(stock.return_goods(request.order_id).await.expect("definite")),
    }
}

async fn sell_at_once(stock: &Arc<dyn Stock>, requests: Vec<StockRequest>) -> Vec<Reservation> {
    let mut calls = JoinSet::new();
    for request in requests {
        let stock = stock.clone();
        calls.spawn(async move { stock.sell(&request, SaleMode::Always).await });
    }
    let mut answers = Vec::new();
    while let Some(answer) = calls.join_next().await {
        answers.push(answer.expect("no panic").expect("a definite answer"));
    }
    answers
}

/// The same choices in every run.
struct Chance<'a>(&'a dyn Clock);

impl Chance<'_> {
    fn below(&mut self, bound: usize) -> usize {
        let mut bytes = [0; 4];
        self.0.fill_random(&mut bytes);
        usize::try_from(u32::from_le_bytes(bytes)).expect("32 bits fit") % bound
    }
}
