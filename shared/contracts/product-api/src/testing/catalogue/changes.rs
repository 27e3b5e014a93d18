//! `changes_since`.

use std::collections::HashMap;
use std::sync::Arc;

use values::ProductId;

use super::{ProductsBackend, everything, lamp, usd};
use crate::{Change, ListProducts, Products, ProductsError};

/// What a projection holds after it has read to the end: the newest of each product.
async fn projected(products: &Arc<dyn Products>, limit: u32) -> HashMap<ProductId, Change> {
    let (mut newest, mut cursor) = (HashMap::<ProductId, Change>::new(), None::<String>);
    loop {
        let page = products
            .changes_since(cursor.as_deref(), limit)
            .await
            .expect("an answer");
        assert!(page.items.len() <= usize::try_from(limit).expect("a limit fits"));
        for change in page.items {
            newest.insert(change.product_id, change);
        }
        if !page.more {
            return newest;
        }
        cursor = Some(page.cursor);
    }
}

/// Of the catalogue and of the stock.
pub async fn every_write_is_a_change(backend: &dyn ProductsBackend) {
    let products = backend.products();
    let created = products.create(lamp("a")).await.expect("it is new");
    let first = projected(&products, 100)
        .await
        .remove(&created.id)
        .expect("it is there");
    let expected = Change {
        product_id: created.id,
        sku: created.sku,
        name: created.name,
        price: created.price,
        available: Some(10),
        for_sale: true,
        version: 1,
        stock_seq: first.stock_seq,
    };
    assert_eq!(first, expected);

    let mut update = lamp("b").details;
    update.price = usd(1);
    products.update(created.id, update, None).await.expect("it is there");
    backend.set_stock(created.id, None).await;
    let second = projected(&products, 100)
        .await
        .remove(&created.id)
        .expect("it is there");
    assert_eq!((second.sku.as_str(), second.price, second.version), ("b", usd(1), 2));
    assert_eq!(second.available, None);
    assert!(second.stock_seq > first.stock_seq);

    products.delete(created.id, None).await.expect("it is there");
    let last = projected(&products, 100)
        .await
        .remove(&created.id)
        .expect("it is there");
    assert!(!last.for_sale);
    assert!(last.version > second.version);
}

/// Each as long as was asked for.
pub async fn changes_come_in_pages(backend: &dyn ProductsBackend) {
    let products = backend.products();
    for number in 0..7 {
        let created = products.create(lamp(&format!("lamp-{number}"))).await;
        created.expect("it is new");
    }
    assert_eq!(projected(&products, 3).await.len(), 7);
    let page = products.changes_since(None, 3).await.expect("an answer");
    assert_eq!((page.items.len(), page.more), (3, true));
}

/// Definite: it is the caller's fault.
pub async fn an_unreadable_cursor_of_changes_is_refused(backend: &dyn ProductsBackend) {
    for cursor in ["", "not a cursor"] {
        let refused = backend.products().changes_since(Some(cursor), 10).await;
        assert!(
            matches!(refused, Err(ProductsError::CursorInvalid)),
            "{cursor:?}: {refused:?}"
        );
    }
}

/// Definite: it is the caller's fault.
pub async fn a_cursor_of_a_list_is_none_of_changes(backend: &dyn ProductsBackend) {
    let products = backend.products();
    for sku in ["a", "b"] {
        products.create(lamp(sku)).await.expect("it is new");
    }
    let query = ListProducts {
        limit: 1,
        ..everything()
    };
    let cursor = products.list(&query).await.expect("an answer").next_cursor;
    let refused = products.changes_since(cursor.as_deref(), 10).await;
    assert!(matches!(refused, Err(ProductsError::CursorMismatch)), "{refused:?}");
}
