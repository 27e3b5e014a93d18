//! `reservations` and `faults`.

use std::time::Duration;

use platform_clock::Clock;

use super::scene::Scene;
use crate::testing::StockBackend;
use crate::{ReservationState, SaleMode, StockError};

/// A cursor is the last id.
pub async fn reservations_are_paged_in_the_order_of_their_ids(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(50).await;
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.push(scene.brought_to(ReservationState::Held, &product, 1).await.order_id);
        backend.clock().advance(Duration::from_millis(1));
    }
    expected.sort_unstable();
    let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = scene.stock.reservations(after, 2).await.expect("definite");
        seen.extend(page.items.iter().map(|item| item.order_id));
        after = seen.last().copied();
        pages += 1;
        assert_eq!(page.more, seen.len() < 5);
        if !page.more {
            break;
        }
    }
    assert_eq!((seen, pages), (expected, 3));
}

/// As `reserve` answers them.
pub async fn reservations_show_every_state_with_its_lines(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let (product, other) = (scene.product(50).await, scene.product(50).await);
    let mut requests = Vec::new();
    for state in [
        ReservationState::Expired,
        ReservationState::Held,
        ReservationState::Sold,
        ReservationState::Released,
        ReservationState::Rejected,
        ReservationState::Returned,
    ] {
        requests.push(scene.brought_to(state, &product, 1).await);
    }
    requests.push(scene.order(&[(&product, 1), (&other, 2)]));
    let mut expected = Vec::new();
    for request in &requests {
        expected.push(scene.reserve(request).await);
    }
    expected.sort_by_key(|reservation| reservation.order_id);
    assert_eq!(
        scene.stock.reservations(None, 100).await.expect("definite").items,
        expected
    );
}

/// An empty page is a page.
pub async fn there_are_no_reservations_at_first(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let page = scene.stock.reservations(None, 100).await.expect("definite");
    assert_eq!((page.items, page.more), (vec![], false));
}

/// So that a reader can tell what is older than what.
pub async fn a_page_says_when_it_was_read(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let page = scene.stock.reservations(None, 1).await.expect("definite");
    assert_eq!(page.read_at, backend.clock().now());
}

/// Invariants 1 to 3.
pub async fn a_shelf_that_adds_up_has_no_faults(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let (product, uncounted) = (scene.product(50).await, scene.product(None).await);
    for state in [
        ReservationState::Expired,
        ReservationState::Held,
        ReservationState::Sold,
        ReservationState::Released,
        ReservationState::Rejected,
        ReservationState::Returned,
    ] {
        scene.brought_to(state, &product, 3).await;
    }
    scene.sell(&scene.order(&[(&product, 1), (&uncounted, 2)])).await;
    backend.set_stock(product.id, Some(7)).await;
    scene.adds_up().await;
    let shelf = scene.shelf(&product).await;
    assert_eq!((shelf.on_hand, shelf.reserved), (10, 3));
}

/// Nobody knows, whatever was asked.
pub async fn a_stock_that_broke_down_answers_unavailable(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let held = scene.brought_to(ReservationState::Held, &product, 1).await;
    let (order_id, stock) = (held.order_id, &scene.stock);
    let other = scene.order(&[(&product, 1)]);
    backend.break_down().await;
    let errors = [
        stock.reserve(&other).await.map(drop),
        stock.sell(&other, SaleMode::Always).await.map(drop),
        stock.confirm(order_id).await.map(drop),
        stock.release(order_id).await.map(drop),
        stock.return_goods(order_id).await.map(drop),
        stock.reservations(None, 10).await.map(drop),
        stock.faults().await.map(drop),
    ];
    for (at, error) in errors.into_iter().enumerate() {
        assert!(matches!(error, Err(StockError::Unavailable(_))), "call {at}: {error:?}");
    }
}
