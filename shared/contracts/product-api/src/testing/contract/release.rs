//! `release`.

use super::scene::Scene;
use crate::testing::{Shelf, StockBackend};
use crate::{Released, ReservationState};

/// HELD becomes RELEASED; the lines stay in the books.
pub async fn releasing_puts_back_what_was_held(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.order(&[(&product, 2)]);
    let held = scene.reserve(&request).await;
    assert_eq!(
        scene.stock.release(request.order_id).await.expect("definite"),
        Released::Released
    );
    let answer = scene.reserve(&request).await;
    assert_eq!((answer.state, answer.lines), (ReservationState::Released, held.lines));
    assert_eq!(scene.shelf(&product).await, Shelf::counted(5, 0));
    scene.adds_up().await;
}

/// Idempotent.
pub async fn releasing_again_is_fine_and_puts_back_once(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    scene.brought_to(ReservationState::Held, &product, 1).await;
    let request = scene.brought_to(ReservationState::Held, &product, 2).await;
    for _ in 0..2 {
        assert_eq!(
            scene.stock.release(request.order_id).await.expect("definite"),
            Released::Released
        );
    }
    assert_eq!(scene.shelf(&product).await, Shelf::counted(5, 1));
}

/// A reserve that comes late finds the door shut.
pub async fn releasing_nothing_writes_a_tombstone_that_no_reserve_gets_past(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.order(&[(&product, 2)]);
    for _ in 0..2 {
        assert_eq!(
            scene.stock.release(request.order_id).await.expect("definite"),
            Released::Released
        );
    }
    assert_eq!(scene.reserve(&request).await.state, ReservationState::Released);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(5, 0));
}

/// So does a sale.
pub async fn releasing_nothing_writes_a_tombstone_that_no_sale_gets_past(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product_at(0, 5).await;
    let request = scene.order(&[(&product, 2)]);
    scene.stock.release(request.order_id).await.expect("definite");
    assert_eq!(scene.sell(&request).await.state, ReservationState::Released);
    assert_eq!(scene.sell_if_free(&request).await.state, ReservationState::Released);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(5, 0));
}

/// Nothing is held, which is all that was asked.
pub async fn releasing_what_expired_is_fine(backend: &dyn StockBackend) {
    answers(backend, ReservationState::Expired, Released::Released).await;
}

/// The refusal stays the answer to the order.
pub async fn releasing_what_was_refused_is_fine_and_keeps_the_refusal(backend: &dyn StockBackend) {
    answers(backend, ReservationState::Rejected, Released::Released).await;
}

/// Only a return undoes a sale.
pub async fn releasing_what_was_sold_is_too_late(backend: &dyn StockBackend) {
    answers(backend, ReservationState::Sold, Released::AlreadySold).await;
}

/// It was sold once.
pub async fn releasing_what_was_returned_is_too_late(backend: &dyn StockBackend) {
    answers(backend, ReservationState::Returned, Released::AlreadySold).await;
}

/// Counting may begin or end between the two calls.
pub async fn releasing_goes_by_whether_the_line_was_counted_when_held(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let (counted, uncounted) = (scene.product(5).await, scene.product(None).await);
    let request = scene.order(&[(&counted, 2), (&uncounted, 2)]);
    scene.reserve(&request).await;
    backend.set_stock(counted.id, None).await;
    backend.set_stock(uncounted.id, Some(9)).await;
    scene.stock.release(request.order_id).await.expect("definite");
    let counted = scene.shelf(&counted).await;
    assert_eq!((counted.on_hand, counted.reserved), (5, 0));
    assert_eq!(scene.shelf(&uncounted).await, Shelf::counted(9, 0));
    scene.adds_up().await;
}

async fn answers(backend: &dyn StockBackend, state: ReservationState, expected: Released) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.brought_to(state, &product, 2).await;
    let (books, shelf) = (scene.reserve(&request).await, scene.shelf(&product).await);
    assert_eq!(scene.stock.release(request.order_id).await.expect("definite"), expected);
    assert_eq!(scene.reserve(&request).await, books);
    assert_eq!(scene.shelf(&product).await, shelf);
}
