//! `sell`, at any price and only if free.

use super::scene::{Scene, short};
use crate::testing::{Shelf, ShelfProduct, StockBackend};
use crate::{Refusal, ReservationState, SaleMode, StockError, StockRequest};
use values::{Currency, Money};

/// Reserve and confirm in one step.
pub async fn selling_takes_the_goods_off_the_shelf(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let (first, second) = (scene.product(5).await, scene.product(7).await);
    let answer = scene.sell(&scene.order(&[(&first, 2), (&second, 7)])).await;
    assert_eq!(answer.state, ReservationState::Sold);
    assert_eq!(answer.refusal, None);
    let names: Vec<_> = answer
        .lines
        .iter()
        .map(|line| (line.product_id, line.name.clone(), line.unit_price))
        .collect();
    let mut expected = [&first, &second].map(|product| (product.id, product.name.clone(), product.price));
    expected.sort_by_key(|(id, ..)| *id);
    assert_eq!(names, expected);
    assert_eq!(scene.shelf(&first).await, Shelf::counted(3, 0));
    assert_eq!(scene.shelf(&second).await, Shelf::counted(0, 0));
    scene.adds_up().await;
}

/// Idempotent by order id.
pub async fn selling_again_answers_the_same_and_sells_once(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.order(&[(&product, 2)]);
    let first = scene.sell(&request).await;
    assert_eq!(scene.sell(&request).await, first);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(3, 0));
    scene.adds_up().await;
}

/// What was told once stays.
pub async fn selling_again_answers_the_price_of_the_first_time(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.order(&[(&product, 2)]);
    let first = scene.sell(&request).await;
    backend.put(&ShelfProduct::priced(product.id, 1)).await;
    backend.set_stock(product.id, None).await;
    assert_eq!(scene.sell(&request).await, first);
}

/// One order id, one request.
pub async fn selling_with_other_lines_is_refused(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    for state in [ReservationState::Sold, ReservationState::Held] {
        let request = scene.brought_to(state, &product, 1).await;
        let other = StockRequest {
            lines: scene.order(&[(&product, 2)]).lines,
            ..request
        };
        let answer = scene.stock.sell(&other, SaleMode::Always).await;
        assert!(matches!(answer, Err(StockError::OtherRequest)), "{state:?}");
    }
    assert_eq!(scene.shelf(&product).await, Shelf::counted(4, 1));
}

/// All or nothing, and stored.
pub async fn selling_more_than_there_is_sells_nothing(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let (plenty, scarce) = (scene.product(5).await, scene.product(1).await);
    let request = scene.order(&[(&plenty, 1), (&scarce, 2)]);
    let first = scene.sell(&request).await;
    assert_eq!(first.state, ReservationState::Rejected);
    assert_eq!(short(&first), [(scarce.id, 2, 1)]);
    assert_eq!(scene.shelf(&plenty).await, Shelf::counted(5, 0));

    backend.set_stock(scarce.id, Some(9)).await;
    assert_eq!(scene.sell(&request).await, first);
    scene.adds_up().await;
}

/// On hand less what is held can be had.
pub async fn selling_what_others_hold_is_refused(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(3).await;
    scene.reserve(&scene.order(&[(&product, 2)])).await;
    let answer = scene.sell(&scene.order(&[(&product, 2)])).await;
    assert_eq!(short(&answer), [(product.id, 2, 1)]);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(3, 2));
}

/// Unknown, unpublished, deleted, two currencies.
pub async fn selling_what_cannot_be_bought_is_refused_and_stored(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let mut hidden = scene.product(3).await;
    hidden.published = false;
    backend.put(&hidden).await;
    let mut deleted = scene.product(3).await;
    deleted.deleted = true;
    backend.put(&deleted).await;
    let unknown = scene.unused_id();
    let request = scene.order_of(&[(hidden.id, 1), (deleted.id, 1), (unknown, 1)]);
    let first = scene.sell(&request).await;
    let mut items = vec![hidden.id, deleted.id, unknown];
    items.sort_unstable();
    assert_eq!(first.refusal, Some(Refusal::UnknownProduct { items }));
    hidden.published = true;
    backend.put(&hidden).await;
    assert_eq!(scene.sell(&request).await, first);

    let (dollars, euros) = (scene.product(3).await, scene.product_in("EUR", 3).await);
    let mixed = scene.sell(&scene.order(&[(&dollars, 1), (&euros, 1)])).await;
    assert_eq!(mixed.refusal, Some(Refusal::MixedCurrency));
    assert_eq!(scene.shelf(&dollars).await, Shelf::counted(3, 0));
}

/// An older version's reserve.
pub async fn selling_what_is_held_confirms_it(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(3).await;
    let request = scene.brought_to(ReservationState::Held, &product, 2).await;
    assert_eq!(scene.sell(&request).await.state, ReservationState::Sold);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(1, 0));
    scene.adds_up().await;
}

/// The price of the hold is the price.
pub async fn selling_what_is_held_keeps_the_price_it_was_held_at(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(3).await;
    let request = scene.order(&[(&product, 2)]);
    let held = scene.reserve(&request).await;
    backend.put(&ShelfProduct::priced(product.id, 5)).await;
    assert_eq!(scene.sell(&request).await.lines, held.lines);
}

/// GONE.
pub async fn selling_after_release_answers_released(backend: &dyn StockBackend) {
    stays(backend, ReservationState::Released).await;
}

/// GONE.
pub async fn selling_after_expiry_answers_expired(backend: &dyn StockBackend) {
    stays(backend, ReservationState::Expired).await;
}

/// GONE.
pub async fn selling_after_the_return_answers_returned(backend: &dyn StockBackend) {
    stays(backend, ReservationState::Returned).await;
}

/// The refusal is the answer for ever.
pub async fn selling_after_a_refusal_answers_the_refusal(backend: &dyn StockBackend) {
    stays(backend, ReservationState::Rejected).await;
}

/// A price is enough.
pub async fn selling_uncounted_goods_leaves_the_shelf_alone(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let (uncounted, counted) = (scene.product(None).await, scene.product(2).await);
    let before = scene.shelf(&uncounted).await;
    let answer = scene.sell(&scene.order(&[(&uncounted, 10), (&counted, 1)])).await;
    assert_eq!(answer.state, ReservationState::Sold);
    assert_eq!(scene.shelf(&uncounted).await, before);
    assert_eq!(scene.shelf(&counted).await, Shelf::counted(1, 0));
    scene.adds_up().await;
}

/// Nobody has to authorise nothing.
pub async fn selling_only_if_free_sells_what_costs_nothing(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product_at(0, 3).await;
    let answer = scene.sell_if_free(&scene.order(&[(&product, 2)])).await;
    assert_eq!(answer.state, ReservationState::Sold);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(1, 0));
}

/// It waits for the money, and expires like any hold.
pub async fn selling_only_if_free_holds_what_has_a_price(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let (free, dear) = (scene.product_at(0, 3).await, scene.product_at(1, 3).await);
    let request = scene.order(&[(&free, 2), (&dear, 1)]);
    let answer = scene.sell_if_free(&request).await;
    assert_eq!((answer.state, answer.lines.len()), (ReservationState::Held, 2));
    assert_eq!(scene.shelf(&free).await, Shelf::counted(3, 2));
    scene.let_it_expire().await;
    assert_eq!(scene.state(&request).await, ReservationState::Expired);
    assert_eq!(scene.shelf(&free).await, Shelf::counted(3, 0));
}

/// A replay must not sell what nobody has authorised.
pub async fn selling_only_if_free_never_sells_what_is_held_at_a_price(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(3).await;
    let request = scene.order(&[(&product, 2)]);
    for _ in 0..2 {
        assert_eq!(scene.sell_if_free(&request).await.state, ReservationState::Held);
    }
    backend.put(&ShelfProduct::priced(product.id, 0)).await;
    assert_eq!(scene.sell_if_free(&request).await.state, ReservationState::Held);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(3, 2));
}

/// The stored price decides, not today's.
pub async fn selling_only_if_free_sells_what_is_held_for_nothing(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product_at(0, 3).await;
    let request = scene.brought_to(ReservationState::Held, &product, 2).await;
    let dear = ShelfProduct {
        price: Money::new(9, Currency::USD).expect("in bounds"),
        ..product.clone()
    };
    backend.put(&dear).await;
    assert_eq!(scene.sell_if_free(&request).await.state, ReservationState::Sold);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(1, 0));
}

/// SOLD says nothing about money.
pub async fn selling_only_if_free_answers_what_was_sold(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(3).await;
    let request = scene.brought_to(ReservationState::Held, &product, 2).await;
    scene.stock.confirm(request.order_id).await.expect("a definite answer");
    assert_eq!(scene.sell_if_free(&request).await.state, ReservationState::Sold);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(1, 0));
}

/// A price of nothing does not make more of it.
pub async fn selling_only_if_free_is_refused_for_lack_of_stock(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    for cents in [0, 100] {
        let product = scene.product_at(cents, 1).await;
        let answer = scene.sell_if_free(&scene.order(&[(&product, 2)])).await;
        assert_eq!(short(&answer), [(product.id, 2, 1)]);
    }
}

/// Selling an order that is in an end state answers that state and moves nothing, in both modes.
async fn stays(backend: &dyn StockBackend, state: ReservationState) {
    let scene = Scene::new(backend);
    let product = scene.product_at(0, 3).await;
    let request = scene.brought_to(state, &product, 2).await;
    let before = scene.reserve(&request).await;
    assert_eq!(before.state, state);
    assert_eq!(scene.sell(&request).await, before);
    assert_eq!(scene.sell_if_free(&request).await, before);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(3, 0));
}
