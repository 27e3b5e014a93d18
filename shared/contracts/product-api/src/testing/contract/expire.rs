//! Expiry.

use std::time::Duration;

use super::scene::Scene;
use crate::testing::{HELD_FOR, Shelf, StockBackend};
use crate::{Confirmed, ReservationState};

/// HELD becomes EXPIRED; the lines stay in the books.
pub async fn what_is_held_expires_after_fifteen_minutes(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let (product, uncounted) = (scene.product(5).await, scene.product(None).await);
    let request = scene.order(&[(&product, 2), (&uncounted, 1)]);
    let held = scene.reserve(&request).await;
    scene.let_it_expire().await;
    let answer = scene.reserve(&request).await;
    assert_eq!((answer.state, answer.lines), (ReservationState::Expired, held.lines));
    assert_eq!(scene.shelf(&product).await, Shelf::counted(5, 0));
    scene.adds_up().await;
}

/// Not a moment earlier.
pub async fn nothing_expires_before_its_time(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.brought_to(ReservationState::Held, &product, 2).await;
    backend
        .clock()
        .advance(HELD_FOR.saturating_sub(Duration::from_micros(1)));
    backend.sweep().await;
    assert_eq!(scene.state(&request).await, ReservationState::Held);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(5, 2));
}

/// Sold is sold.
pub async fn what_was_sold_never_expires(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.brought_to(ReservationState::Sold, &product, 2).await;
    scene.let_it_expire().await;
    assert_eq!(scene.state(&request).await, ReservationState::Sold);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(3, 0));
}

/// However it came about.
pub async fn what_was_sold_from_a_hold_never_expires(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.brought_to(ReservationState::Held, &product, 2).await;
    scene.stock.confirm(request.order_id).await.expect("definite");
    scene.let_it_expire().await;
    assert_eq!(scene.state(&request).await, ReservationState::Sold);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(3, 0));
}

/// The row decides, not the clock: what the sweep has not met is still held.
pub async fn what_is_held_too_long_may_be_confirmed_until_it_is_swept(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.brought_to(ReservationState::Held, &product, 2).await;
    backend.clock().advance(HELD_FOR * 2);
    assert_eq!(
        scene.stock.confirm(request.order_id).await.expect("definite"),
        Confirmed::Sold
    );
    backend.sweep().await;
    assert_eq!(scene.state(&request).await, ReservationState::Sold);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(3, 0));
}

/// A second sweep finds nothing.
pub async fn expiring_puts_back_once(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    for _ in 0..2 {
        scene.brought_to(ReservationState::Held, &product, 2).await;
    }
    scene.let_it_expire().await;
    let held = scene.brought_to(ReservationState::Held, &product, 1).await;
    backend.sweep().await;
    assert_eq!(scene.state(&held).await, ReservationState::Held);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(5, 1));
    scene.adds_up().await;
}
