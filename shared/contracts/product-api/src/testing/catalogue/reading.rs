//! `get` and `get_many`.

use values::{ProductId, Sku};

use super::{ProductsBackend, everything, full, lamp};
use crate::{ProductsError, View};

/// Field by field.
pub async fn a_product_is_read_as_it_was_created(backend: &dyn ProductsBackend) {
    let products = backend.products();
    for new in [lamp("a"), full("b")] {
        let created = products.create(new).await.expect("it is new");
        let read = products.get(created.id, View::Admin).await.expect("it is there");
        assert_eq!(read, created);
    }
}

/// Definite: there is none.
pub async fn what_never_was_is_not_found(backend: &dyn ProductsBackend) {
    for view in [View::Public, View::Admin] {
        let read = backend.products().get(a_stranger(), view).await;
        assert!(matches!(read, Err(ProductsError::NotFound)), "{read:?}");
    }
}

/// For others there is none.
pub async fn what_is_unpublished_is_for_admins_alone(backend: &dyn ProductsBackend) {
    let products = backend.products();
    let hidden = products.create(full("hidden")).await.expect("it is new");
    let read = products.get(hidden.id, View::Public).await;
    assert!(matches!(read, Err(ProductsError::NotFound)), "{read:?}");
    assert_eq!(products.get(hidden.id, View::Admin).await.expect("it is there"), hidden);
}

/// The rest is left out.
pub async fn those_of_many_that_there_are_are_found(backend: &dyn ProductsBackend) {
    let products = backend.products();
    let one = products.create(lamp("one")).await.expect("it is new");
    let two = products.create(lamp("two")).await.expect("it is new");
    let hidden = products.create(full("hidden")).await.expect("it is new");
    let ids = [two.id, a_stranger(), hidden.id, one.id];
    let mut found = products.get_many(&ids, View::Public).await.expect("an answer");
    found.sort_by_key(|product| product.id);
    assert_eq!(found, [one, two]);
    assert_eq!(products.get_many(&ids, View::Admin).await.expect("an answer").len(), 3);
}

/// An empty answer is an answer.
pub async fn nothing_is_found_of_nothing(backend: &dyn ProductsBackend) {
    let found = backend.products().get_many(&[], View::Admin).await;
    assert_eq!(found.expect("an answer"), []);
}

/// The most there may be.
pub async fn a_hundred_are_found_in_one_go(backend: &dyn ProductsBackend) {
    let products = backend.products();
    let mut ids = Vec::new();
    for number in 0..100 {
        let created = products.create(lamp(&format!("lamp-{number}"))).await;
        ids.push(created.expect("it is new").id);
    }
    assert_eq!(
        products.get_many(&ids, View::Public).await.expect("an answer").len(),
        100
    );
}

/// Nobody knows, whatever was asked.
pub async fn a_catalogue_that_broke_down_answers_unavailable(backend: &dyn ProductsBackend) {
    let products = backend.products();
    let lamp_there = products.create(lamp("there")).await.expect("it is new");
    let id = lamp_there.id;
    backend.break_down().await;
    let renamed = lamp("renamed").details;
    let errors = [
        products.get(id, View::Public).await.map(drop),
        products.get_many(&[id], View::Public).await.map(drop),
        products.list(&everything()).await.map(drop),
        products.create(lamp("new")).await.map(drop),
        products.update(id, renamed, None).await.map(drop),
        products.delete(id, None).await,
        products.changes_since(None, 10).await.map(drop),
    ];
    for (at, error) in errors.into_iter().enumerate() {
        assert!(
            matches!(error, Err(ProductsError::Unavailable(_))),
            "call {at}: {error:?}"
        );
    }
}

/// The id of no product.
pub(super) fn a_stranger() -> ProductId {
    "01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("it is a UUID")
}

/// A sku, for comparisons.
pub(super) fn sku(text: &str) -> Sku {
    text.to_owned().try_into().expect("a test's sku is one")
}
