//! `confirm`.

use super::scene::Scene;
use crate::testing::{Shelf, ShelfProduct, StockBackend};
use crate::{Confirmed, ReservationState};

/// HELD becomes SOLD.
pub async fn confirming_turns_what_is_held_into_a_sale(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let (first, second) = (scene.product(5).await, scene.product(7).await);
    let request = scene.order(&[(&first, 2), (&second, 3)]);
    scene.reserve(&request).await;
    assert_eq!(
        scene.stock.confirm(request.order_id).await.expect("definite"),
        Confirmed::Sold
    );
    assert_eq!(scene.state(&request).await, ReservationState::Sold);
    assert_eq!(scene.shelf(&first).await, Shelf::counted(3, 0));
    assert_eq!(scene.shelf(&second).await, Shelf::counted(4, 0));
    scene.adds_up().await;
}

/// Idempotent.
pub async fn confirming_again_is_fine_and_sells_once(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.brought_to(ReservationState::Held, &product, 2).await;
    for _ in 0..2 {
        assert_eq!(
            scene.stock.confirm(request.order_id).await.expect("definite"),
            Confirmed::Sold
        );
    }
    assert_eq!(scene.shelf(&product).await, Shelf::counted(3, 0));
    scene.adds_up().await;
}

/// No row: GONE, and none is written.
pub async fn confirming_what_was_never_held_is_gone(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.order(&[(&product, 2)]);
    assert_eq!(
        scene.stock.confirm(request.order_id).await.expect("definite"),
        Confirmed::Gone
    );
    assert_eq!(scene.reserve(&request).await.state, ReservationState::Held);
}

/// GONE.
pub async fn confirming_what_was_released_is_gone(backend: &dyn StockBackend) {
    is_gone(backend, ReservationState::Released).await;
}

/// GONE.
pub async fn confirming_what_expired_is_gone(backend: &dyn StockBackend) {
    is_gone(backend, ReservationState::Expired).await;
}

/// GONE.
pub async fn confirming_what_was_refused_is_gone(backend: &dyn StockBackend) {
    is_gone(backend, ReservationState::Rejected).await;
}

/// GONE.
pub async fn confirming_what_was_returned_is_gone(backend: &dyn StockBackend) {
    is_gone(backend, ReservationState::Returned).await;
}

/// Counting may begin or end between the two calls.
pub async fn confirming_goes_by_whether_the_line_was_counted_when_held(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let (counted, uncounted) = (scene.product(5).await, scene.product(None).await);
    let request = scene.order(&[(&counted, 2), (&uncounted, 2)]);
    scene.reserve(&request).await;
    backend.set_stock(counted.id, None).await;
    backend.set_stock(uncounted.id, Some(9)).await;
    scene.stock.confirm(request.order_id).await.expect("definite");
    let counted = scene.shelf(&counted).await;
    assert_eq!((counted.on_hand, counted.reserved), (3, 0));
    assert_eq!(scene.shelf(&uncounted).await, Shelf::counted(9, 0));
    scene.adds_up().await;
}

/// What is held is sold, whatever became of the product.
pub async fn confirming_a_deleted_product_sells_it(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.brought_to(ReservationState::Held, &product, 2).await;
    let deleted = ShelfProduct {
        deleted: true,
        ..product.clone()
    };
    backend.put(&deleted).await;
    assert_eq!(
        scene.stock.confirm(request.order_id).await.expect("definite"),
        Confirmed::Sold
    );
    assert_eq!(scene.shelf(&product).await, Shelf::counted(3, 0));
}

async fn is_gone(backend: &dyn StockBackend, state: ReservationState) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.brought_to(state, &product, 2).await;
    assert_eq!(
        scene.stock.confirm(request.order_id).await.expect("definite"),
        Confirmed::Gone
    );
    assert_eq!(scene.state(&request).await, state);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(5, 0));
}
