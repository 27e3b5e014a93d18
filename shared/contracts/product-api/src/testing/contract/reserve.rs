//! `reserve`.

use super::scene::{Scene, short};
use crate::testing::{Shelf, ShelfProduct, StockBackend};
use crate::{Refusal, Reservation, ReservationState, ReservedLine, StockError, StockRequest};
use values::{Currency, Money};

/// Names, prices and whether it was counted come from the shelf.
pub async fn reserving_holds_the_goods_and_answers_names_and_prices(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.order(&[(&product, 2)]);
    let line = ReservedLine {
        product_id: product.id,
        quantity: request.lines[0].quantity,
        counted: true,
        sku: product.sku.clone(),
        name: product.name.clone(),
        unit_price: product.price,
    };
    let held = Reservation {
        order_id: request.order_id,
        state: ReservationState::Held,
        lines: vec![line],
        refusal: None,
    };
    assert_eq!(scene.reserve(&request).await, held);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(5, 2));
}

/// Idempotent by order id.
pub async fn reserving_again_answers_the_same_and_holds_once(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.order(&[(&product, 2)]);
    let first = scene.reserve(&request).await;
    assert_eq!(scene.reserve(&request).await, first);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(5, 2));
}

/// What was told once stays, whatever the catalogue says by then.
pub async fn reserving_again_answers_the_price_of_the_first_time(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.order(&[(&product, 2)]);
    let first = scene.reserve(&request).await;
    let changed = ShelfProduct {
        name: "Renamed".to_owned(),
        price: Money::new(1, Currency::USD).expect("in bounds"),
        published: false,
        ..product
    };
    backend.put(&changed).await;
    assert_eq!(scene.reserve(&request).await, first);
}

/// One order id, one request.
pub async fn reserving_with_other_lines_is_refused(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(5).await;
    let request = scene.order(&[(&product, 2)]);
    scene.reserve(&request).await;
    let other = StockRequest {
        lines: scene.order(&[(&product, 3)]).lines,
        ..request
    };
    assert!(matches!(
        scene.stock.reserve(&other).await,
        Err(StockError::OtherRequest)
    ));
    assert_eq!(scene.shelf(&product).await, Shelf::counted(5, 2));
}

/// All or nothing.
pub async fn reserving_more_than_there_is_reserves_nothing(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let (plenty, scarce) = (scene.product(5).await, scene.product(1).await);
    let answer = scene.reserve(&scene.order(&[(&plenty, 1), (&scarce, 2)])).await;
    assert_eq!(answer.state, ReservationState::Rejected);
    assert_eq!(answer.lines, []);
    assert_eq!(scene.shelf(&plenty).await, Shelf::counted(5, 0));
    assert_eq!(scene.shelf(&scarce).await, Shelf::counted(1, 0));
}

/// Short lines alone, in the order of the request.
pub async fn a_refusal_names_every_line_that_is_short_and_what_there_was(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let (none, enough, one) = (scene.product(0).await, scene.product(9).await, scene.product(1).await);
    let answer = scene
        .reserve(&scene.order(&[(&none, 1), (&enough, 9), (&one, 4)]))
        .await;
    let mut expected = [(none.id, 1, 0), (one.id, 4, 1)];
    expected.sort_unstable();
    assert_eq!(short(&answer), expected);
}

/// The answer to that order for ever.
pub async fn a_refusal_stays_the_answer_after_restocking(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(1).await;
    let request = scene.order(&[(&product, 2)]);
    let first = scene.reserve(&request).await;
    backend.set_stock(product.id, Some(9)).await;
    assert_eq!(scene.reserve(&request).await, first);
    assert_eq!(short(&first), [(product.id, 2, 1)]);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(9, 0));
}

/// A refusal, too, is of one request.
pub async fn a_refusal_for_other_lines_is_refused(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(1).await;
    let request = scene.order(&[(&product, 2)]);
    scene.reserve(&request).await;
    let other = StockRequest {
        lines: scene.order(&[(&product, 1)]).lines,
        ..request
    };
    assert!(matches!(
        scene.stock.reserve(&other).await,
        Err(StockError::OtherRequest)
    ));
}

/// On hand less what is held can be had.
pub async fn what_others_hold_cannot_be_reserved(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(3).await;
    scene.reserve(&scene.order(&[(&product, 2)])).await;
    let answer = scene.reserve(&scene.order(&[(&product, 2)])).await;
    assert_eq!(short(&answer), [(product.id, 2, 1)]);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(3, 2));
}

/// Stored: it stays refused when the product appears.
pub async fn an_unknown_product_is_refused_and_stored(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let (known, unknown) = (scene.product(3).await, scene.unused_id());
    let request = scene.order_of(&[(known.id, 1), (unknown, 1)]);
    let first = scene.reserve(&request).await;
    assert_eq!(first.state, ReservationState::Rejected);
    assert_eq!(first.refusal, Some(Refusal::UnknownProduct { items: vec![unknown] }));
    assert_eq!(scene.shelf(&known).await, Shelf::counted(3, 0));

    scene.put(ShelfProduct::priced(unknown, 100), 3).await;
    assert_eq!(scene.reserve(&request).await, first);
}

/// Unpublished is unknown to a customer.
pub async fn an_unpublished_product_is_refused(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let mut product = scene.product(3).await;
    product.published = false;
    backend.put(&product).await;
    let answer = scene.reserve(&scene.order(&[(&product, 1)])).await;
    assert_eq!(
        answer.refusal,
        Some(Refusal::UnknownProduct {
            items: vec![product.id]
        })
    );
}

/// Deleted is unknown.
pub async fn a_deleted_product_is_refused(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let mut product = scene.product(3).await;
    product.deleted = true;
    backend.put(&product).await;
    let answer = scene.reserve(&scene.order(&[(&product, 1)])).await;
    assert_eq!(
        answer.refusal,
        Some(Refusal::UnknownProduct {
            items: vec![product.id]
        })
    );
}

/// One order, one currency.
pub async fn two_currencies_are_refused_and_stored(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let (dollars, euros) = (scene.product(3).await, scene.product_in("EUR", 3).await);
    let request = scene.order(&[(&dollars, 1), (&euros, 1)]);
    let answer = scene.reserve(&request).await;
    assert_eq!(
        (answer.state, &answer.refusal),
        (ReservationState::Rejected, &Some(Refusal::MixedCurrency))
    );
    assert_eq!(scene.shelf(&dollars).await, Shelf::counted(3, 0));

    scene.put(ShelfProduct::priced(euros.id, 100), 3).await;
    assert_eq!(scene.reserve(&request).await, answer);
}

/// The first reason is the one no waiting would mend.
pub async fn unknown_goods_are_named_before_short_ones(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let (scarce, unknown) = (scene.product(0).await, scene.unused_id());
    let answer = scene.reserve(&scene.order_of(&[(scarce.id, 1), (unknown, 1)])).await;
    assert_eq!(answer.refusal, Some(Refusal::UnknownProduct { items: vec![unknown] }));
}

/// The same between currencies and lack.
pub async fn two_currencies_are_named_before_short_goods(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let (scarce, euros) = (scene.product(0).await, scene.product_in("EUR", 3).await);
    let answer = scene.reserve(&scene.order(&[(&scarce, 1), (&euros, 1)])).await;
    assert_eq!(answer.refusal, Some(Refusal::MixedCurrency));
}

/// Always to be had.
pub async fn an_uncounted_product_takes_part_with_its_price_alone(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(None).await;
    let before = scene.shelf(&product).await;
    let answer = scene.reserve(&scene.order(&[(&product, 1000)])).await;
    assert_eq!(answer.state, ReservationState::Held);
    assert_eq!(
        (answer.lines[0].counted, answer.lines[0].unit_price),
        (false, product.price)
    );
    assert_eq!(scene.shelf(&product).await, before);
}

/// It has no hash.
pub async fn a_tombstone_matches_every_request(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(3).await;
    let request = scene.order(&[(&product, 1)]);
    scene.stock.release(request.order_id).await.expect("a definite answer");
    let other = StockRequest {
        lines: scene.order(&[(&product, 2)]).lines,
        ..request.clone()
    };
    for request in [&request, &other] {
        let answer = scene.reserve(request).await;
        assert_eq!((answer.state, answer.lines), (ReservationState::Released, vec![]));
    }
    assert_eq!(scene.shelf(&product).await, Shelf::counted(3, 0));
}

/// A late replay.
pub async fn reserving_after_the_sale_answers_sold(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(3).await;
    let request = scene.brought_to(ReservationState::Sold, &product, 2).await;
    let answer = scene.reserve(&request).await;
    assert_eq!((answer.state, answer.lines.len()), (ReservationState::Sold, 1));
    assert_eq!(scene.shelf(&product).await, Shelf::counted(1, 0));
}

/// A very late replay.
pub async fn reserving_after_the_return_answers_returned(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let product = scene.product(3).await;
    let request = scene.brought_to(ReservationState::Returned, &product, 2).await;
    assert_eq!(scene.reserve(&request).await.state, ReservationState::Returned);
    assert_eq!(scene.shelf(&product).await, Shelf::counted(3, 0));
}

/// The largest order there is.
pub async fn a_hundred_lines_are_held_in_one_go(backend: &dyn StockBackend) {
    let scene = Scene::new(backend);
    let mut products = Vec::new();
    for _ in 0..100 {
        products.push(scene.product_at(Money::MAX_PRICE, 1000).await);
    }
    let lines: Vec<_> = products.iter().map(|product| (product, 1000)).collect();
    let request = scene.order(&lines);
    let answer = scene.reserve(&request).await;
    assert_eq!((answer.state, answer.lines.len()), (ReservationState::Held, 100));
    assert!(answer.lines.is_sorted_by_key(|line| line.product_id));
    assert_eq!(scene.sell_if_free(&request).await.state, ReservationState::Held);
    for product in &products {
        assert_eq!(scene.shelf(product).await, Shelf::counted(1000, 1000));
    }
}
