//! `return_goods`.

use super::scene::Scene;
use crate::testing::{Shelf, StockBackend};
use crate::{ReservationState, Returned};

/// SOLD becomes RETURNED.
pub async fn returning_puts_back_what_was_sold(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let (first, second) = (scene.product(5).await, scene.product(7).await);
    let request = scene.order(&[(&first, 2), (&second, 3)]);
    scene.sell(&request).await;
    assert_eq!(
        scene.stock.return_goods(request.order_id).await.expect("definite"),
        Returned::Returned
    );
    assert_eq!(scene.state(&request).await, ReservationState::Returned);
    assert_eq!(scene.shelf(&first).await, Shelf::counted(5, 0));
    assert_eq!(scene.shelf(&second).await, Shelf::counted(7, 0));
    scene.adds_up().await;
}

/// Idempotent.
pub async fn returning_again_is_fine_and_puts_back_once(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.brought_to(ReservationState::Sold, &product, 2).await;
    for _ in 0..2 {
        assert_eq!(
            scene.stock.return_goods(request.order_id).await.expect("definite"),
            Returned::Returned
        );
    }
    assert_eq!(scene.shelf(&product).await, Shelf::counted(5, 0));
    scene.adds_up().await;
}

/// NOT_SOLD, and nothing moves.
pub async fn returning_what_was_never_sold_is_a_fault(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let nothing = scene.order_id();
    assert_eq!(
        scene.stock.return_goods(nothing).await.expect("definite"),
        Returned::NotSold
    );
    for state in [
        ReservationState::Released,
        ReservationState::Expired,
        ReservationState::Rejected,
        ReservationState::Held,
    ] {
        let request = scene.brought_to(state, &product, 2).await;
        let answer = scene.stock.return_goods(request.order_id).await.expect("definite");
        assert_eq!(answer, Returned::NotSold, "{state:?}");
        assert_eq!(scene.state(&request).await, state);
    }
    assert_eq!(scene.shelf(&product).await, Shelf::counted(5, 2));
}

/// The way to SOLD does not matter.
pub async fn returning_a_confirmed_reservation_puts_it_back(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.brought_to(ReservationState::Held, &product, 2).await;
    scene.stock.confirm(request.order_id).await.expect("definite");
    assert_eq!(
        scene.stock.return_goods(request.order_id).await.expect("definite"),
        Returned::Returned
    );
    assert_eq!(scene.shelf(&product).await, Shelf::counted(5, 0));
    scene.adds_up().await;
}

/// Counting may begin or end between the two calls.
pub async fn returning_goes_by_whether_the_line_was_counted_when_sold(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let (counted, uncounted) = (scene.product(5).await, scene.product(None).await);
    let request = scene.order(&[(&counted, 2), (&uncounted, 2)]);
    scene.sell(&request).await;
    backend.set_stock(counted.id, None).await;
    backend.set_stock(uncounted.id, Some(9)).await;
    scene.stock.return_goods(request.order_id).await.expect("definite");
    let counted = scene.shelf(&counted).await;
    assert_eq!((counted.on_hand, counted.reserved), (5, 0));
    assert_eq!(scene.shelf(&uncounted).await, Shelf::counted(9, 0));
    scene.adds_up().await;
}

/// By another order.
pub async fn what_was_returned_can_be_sold_again(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(2).await;
    scene.brought_to(ReservationState::Returned, &product, 2).await;
    let again = scene.sell(&scene.order(&[(&product, 2)])).await;
    assert_eq!(again.state, ReservationState::Sold);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(0, 0));
    scene.adds_up().await;
}
