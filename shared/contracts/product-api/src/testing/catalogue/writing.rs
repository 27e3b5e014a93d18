//! `create`, `update` and `delete`.

use super::reading::{a_stranger, sku};
use super::{ProductsBackend, everything, full, lamp, usd, variant};
use crate::{NewProduct, Product, ProductUpdate, ProductsError, View};

/// What is written of a product, read back.
fn details_of(product: &Product) -> ProductUpdate {
    let product = product.clone();
    ProductUpdate {
        sku: product.sku,
        name: product.name,
        description: product.description,
        category: product.category,
        tags: product.tags,
        vendor: product.vendor,
        images: product.images,
        family: product.family,
        options: product.options,
        price: product.price,
        compare_at_price: product.compare_at_price,
        published: product.published,
        barcode: product.barcode,
        weight_grams: product.weight_grams,
    }
}

/// And its first version.
pub async fn creating_answers_every_field_as_it_was_given(backend: &dyn ProductsBackend) {
    let new = full("a");
    let created = backend.products().create(new.clone()).await.expect("it is new");
    assert_eq!(details_of(&created), new.details);
    assert_eq!((created.stock, created.version), (Some(10), 1));
    assert_eq!(created.created_at, created.updated_at);
}

/// Not counted, free, in no family.
pub async fn the_least_product_has_nothing_but_what_it_needs(backend: &dyn ProductsBackend) {
    let mut details = lamp("a").details;
    details.price = usd(0);
    let new = NewProduct { details, stock: None };
    let created = backend.products().create(new.clone()).await.expect("it is new");
    assert_eq!((details_of(&created), created.stock), (new.details, None));
}

/// One at a time.
pub async fn a_sku_is_taken_by_the_living(backend: &dyn ProductsBackend) {
    let products = backend.products();
    products.create(lamp("a")).await.expect("it is new");
    let again = products.create(lamp("a")).await;
    assert!(matches!(again, Err(ProductsError::SkuTaken)), "{again:?}");
}

/// In another family they are free.
pub async fn options_are_taken_within_their_family(backend: &dyn ProductsBackend) {
    let products = backend.products();
    products.create(variant("a", "shirt", "S")).await.expect("it is new");
    let again = products.create(variant("b", "shirt", "S")).await;
    assert!(matches!(again, Err(ProductsError::OptionsTaken)), "{again:?}");
    products.create(variant("b", "shirt", "M")).await.expect("it differs");
    products
        .create(variant("c", "skirt", "S"))
        .await
        .expect("it is of another family");
}

/// What is left out is gone.
pub async fn updating_replaces_all_but_stock(backend: &dyn ProductsBackend) {
    let products = backend.products();
    let before = products.create(full("a")).await.expect("it is new");
    let update = lamp("b").details;
    let after = products
        .update(before.id, update.clone(), None)
        .await
        .expect("it is there");
    assert_eq!(details_of(&after), update);
    assert_eq!((after.id, after.version, after.stock), (before.id, 2, before.stock));
    assert_eq!(after.created_at, before.created_at);
    assert_eq!(products.get(before.id, View::Public).await.expect("it is there"), after);
}

/// Compare and set.
pub async fn updating_the_version_that_is_there_writes(backend: &dyn ProductsBackend) {
    let products = backend.products();
    let before = products.create(lamp("a")).await.expect("it is new");
    let after = products
        .update(before.id, lamp("b").details, Some(before.version))
        .await;
    assert_eq!(after.expect("it is the version").version, 2);
}

/// Compare, and leave it.
pub async fn updating_another_version_changes_nothing(backend: &dyn ProductsBackend) {
    let products = backend.products();
    let before = products.create(lamp("a")).await.expect("it is new");
    let refused = products
        .update(before.id, lamp("b").details, Some(before.version + 1))
        .await;
    assert!(matches!(refused, Err(ProductsError::VersionMismatch)), "{refused:?}");
    assert_eq!(
        products.get(before.id, View::Public).await.expect("it is there"),
        before
    );
}

/// With a version and without.
pub async fn updating_what_never_was_is_not_found(backend: &dyn ProductsBackend) {
    for version in [None, Some(1)] {
        let refused = backend
            .products()
            .update(a_stranger(), lamp("a").details, version)
            .await;
        assert!(matches!(refused, Err(ProductsError::NotFound)), "{refused:?}");
    }
}

/// As creating is.
pub async fn updating_to_what_is_taken_is_refused(backend: &dyn ProductsBackend) {
    let products = backend.products();
    products.create(variant("a", "shirt", "S")).await.expect("it is new");
    let other = products.create(variant("b", "shirt", "M")).await.expect("it is new");
    let mut update = variant("b", "shirt", "S").details;
    let refused = products.update(other.id, update.clone(), None).await;
    assert!(matches!(refused, Err(ProductsError::OptionsTaken)), "{refused:?}");
    update = variant("a", "shirt", "L").details;
    let refused = products.update(other.id, update, None).await;
    assert!(matches!(refused, Err(ProductsError::SkuTaken)), "{refused:?}");
}

/// For admins too.
pub async fn deleting_hides_a_product_and_frees_its_sku(backend: &dyn ProductsBackend) {
    let products = backend.products();
    let gone = products.create(lamp("a")).await.expect("it is new");
    products.delete(gone.id, Some(gone.version)).await.expect("it is there");
    let read = products.get(gone.id, View::Admin).await;
    assert!(matches!(read, Err(ProductsError::NotFound)), "{read:?}");
    let again = products.create(lamp("a")).await.expect("its sku is free");
    assert_ne!(again.id, gone.id);
    let listed = products.list(&everything()).await.expect("an answer").items;
    let skus: Vec<_> = listed.iter().map(|row| (row.product.id, &row.product.sku)).collect();
    assert_eq!(skus, [(again.id, &sku("a"))]);
}

/// As what never was.
pub async fn deleting_twice_is_not_found(backend: &dyn ProductsBackend) {
    let products = backend.products();
    let gone = products.create(lamp("a")).await.expect("it is new");
    products.delete(gone.id, None).await.expect("it is there");
    for id in [gone.id, a_stranger()] {
        let refused = products.delete(id, None).await;
        assert!(matches!(refused, Err(ProductsError::NotFound)), "{refused:?}");
    }
}

/// Compare, and leave it.
pub async fn deleting_another_version_changes_nothing(backend: &dyn ProductsBackend) {
    let products = backend.products();
    let kept = products.create(lamp("a")).await.expect("it is new");
    let refused = products.delete(kept.id, Some(kept.version + 1)).await;
    assert!(matches!(refused, Err(ProductsError::VersionMismatch)), "{refused:?}");
    assert_eq!(products.get(kept.id, View::Public).await.expect("it is there"), kept);
}
