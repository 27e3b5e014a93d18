//! `list`.

use std::sync::Arc;

use values::{Currency, Money};

use super::{ProductsBackend, everything, full, lamp, usd, variant};
use crate::{ListProducts, ListedProduct, Products, ProductsError, Sort};

const SORTS: [Sort; 6] = [
    Sort::Newest,
    Sort::Oldest,
    Sort::Cheapest,
    Sort::Dearest,
    Sort::Name,
    Sort::Relevance,
];

async fn rows(products: &Arc<dyn Products>, query: &ListProducts) -> Vec<ListedProduct> {
    products.list(query).await.expect("an answer").items
}

fn skus(rows: &[ListedProduct]) -> Vec<&str> {
    rows.iter().map(|row| row.product.sku.as_str()).collect()
}

/// Five products at three prices, and some order to tell them apart by.
async fn stocked(backend: &dyn ProductsBackend) -> Arc<dyn Products> {
    let products = backend.products();
    for (sku, name, cents) in [
        ("a", "Pear", 300),
        ("b", "Fig", 100),
        ("c", "Plum", 200),
        ("d", "Apple", 200),
        ("e", "Kiwi", 300),
    ] {
        let mut new = lamp(sku);
        name.clone_into(&mut new.details.name);
        "fruit".clone_into(&mut new.details.description);
        new.details.price = usd(cents);
        products.create(new).await.expect("it is new");
    }
    products
}

/// Two at a time, and the last one alone; no row twice and none left out.
pub async fn pages_of_every_order_make_up_the_whole(backend: &dyn ProductsBackend) {
    let products = stocked(backend).await;
    for sort in SORTS {
        let whole = ListProducts {
            q: Some("fruit".to_owned()),
            sort: Some(sort),
            ..everything()
        };
        let expected = rows(&products, &whole).await;
        assert_eq!(expected.len(), 5);
        let (mut seen, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            let query = ListProducts {
                limit: 2,
                cursor,
                ..whole.clone()
            };
            let page = products.list(&query).await.expect("an answer");
            seen.extend(page.items);
            cursor = page.next_cursor;
            pages += 1;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!((seen, pages), (expected, 3), "{sort:?}");
    }
}

/// Each order is the one that was asked for.
pub async fn an_order_is_kept_across_the_wire(backend: &dyn ProductsBackend) {
    let products = stocked(backend).await;
    let sorted = async |sort| {
        let query = ListProducts { sort, ..everything() };
        let found = rows(&products, &query).await;
        skus(&found).concat()
    };
    assert_eq!(sorted(None).await, "edcba");
    assert_eq!(sorted(Some(Sort::Newest)).await, "edcba");
    assert_eq!(sorted(Some(Sort::Oldest)).await, "abcde");
    assert_eq!(sorted(Some(Sort::Name)).await, "dbeac");
    assert!(sorted(Some(Sort::Cheapest)).await.starts_with('b'));
    assert!(sorted(Some(Sort::Dearest)).await.ends_with('b'));
}

/// By category, tag, family, price, currency and stock.
pub async fn filters_narrow_each_other(backend: &dyn ProductsBackend) {
    let products = backend.products();
    let mut wanted = variant("wanted", "shirt", "S");
    wanted.details.category = Some("Wear".to_owned());
    wanted.details.tags = vec!["new".to_owned()];
    products.create(wanted).await.expect("it is new");
    for other in [lamp("other"), variant("sold-out", "shirt", "M")] {
        products.create(other).await.expect("it is new");
    }
    let euro: Currency = "EUR".parse().expect("it is one");
    let mut foreign = lamp("foreign");
    foreign.details.price = Money::new(1999, euro).expect("it is within bounds");
    products.create(foreign).await.expect("it is new");
    let sold_out = ListProducts {
        family: Some("shirt".to_owned()),
        ..everything()
    };
    let sold_out = rows(&products, &sold_out).await;
    let sold_out = sold_out.iter().find(|row| row.product.sku.as_str() == "sold-out");
    backend
        .set_stock(sold_out.expect("it is there").product.id, Some(0))
        .await;

    let found = async |query: ListProducts| {
        let found = rows(&products, &query).await;
        let mut found: Vec<String> = skus(&found).into_iter().map(ToOwned::to_owned).collect();
        found.sort();
        found.join(" ")
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(found(everything()).await, "foreign other sold-out wanted");
    let category = text("Wear");
    assert_eq!(
        found(ListProducts {
            category,
            ..everything()
        })
        .await,
        "wanted"
    );
    assert_eq!(
        found(ListProducts {
            tag: text("new"),
            ..everything()
        })
        .await,
        "wanted"
    );
    let family = text("shirt");
    assert_eq!(
        found(ListProducts {
            family: family.clone(),
            ..everything()
        })
        .await,
        "sold-out wanted"
    );
    let both = ListProducts {
        family,
        in_stock: true,
        ..everything()
    };
    assert_eq!(found(both).await, "wanted");
    let priced = |min_price, max_price, currency| ListProducts {
        min_price,
        max_price,
        currency,
        ..everything()
    };
    assert_eq!(
        found(priced(Some(1999), Some(1999), None)).await,
        "other sold-out wanted"
    );
    assert_eq!(found(priced(Some(2000), None, None)).await, "");
    assert_eq!(found(priced(None, Some(1999), Some(euro))).await, "foreign");
}

/// All of them, the last one as a beginning.
pub async fn words_are_searched(backend: &dyn ProductsBackend) {
    let products = stocked(backend).await;
    let found = async |q: &str| {
        let query = ListProducts {
            q: Some(q.to_owned()),
            ..everything()
        };
        let found = rows(&products, &query).await;
        skus(&found).concat()
    };
    assert_eq!(found("fruit pl").await, "c");
    assert_eq!(found("vegetable").await, "");
    assert_eq!(found("\" OR *").await, "", "any text is a query");
}

/// With what its members cost at least, and how many there are.
pub async fn a_family_is_one_row(backend: &dyn ProductsBackend) {
    let products = backend.products();
    for (sku, size, cents) in [("s", "S", 900), ("m", "M", 1000)] {
        let mut new = variant(sku, "shirt", size);
        new.details.price = usd(cents);
        products.create(new).await.expect("it is new");
    }
    products.create(lamp("lamp")).await.expect("it is new");
    let query = ListProducts {
        group_by_family: true,
        ..everything()
    };
    let grouped = rows(&products, &query).await;
    assert_eq!(grouped.len(), 2);
    let shirt = grouped
        .iter()
        .find(|row| row.product.family.is_some())
        .expect("it is there");
    assert_eq!((shirt.price_from, shirt.variants), (Some(usd(900)), Some(2)));
    let plain = rows(&products, &everything()).await;
    assert!(
        plain
            .iter()
            .all(|row| row.price_from.is_none() && row.variants.is_none())
    );
}

/// And not if it is not.
pub async fn matches_are_counted_if_that_is_asked(backend: &dyn ProductsBackend) {
    let products = stocked(backend).await;
    let query = |count| ListProducts {
        limit: 1,
        count,
        ..everything()
    };
    let counted = products.list(&query(true)).await.expect("an answer");
    assert_eq!((counted.items.len(), counted.total), (1, Some(5)));
    assert_eq!(products.list(&query(false)).await.expect("an answer").total, None);
}

/// The public does not.
pub async fn an_admin_sees_what_is_unpublished(backend: &dyn ProductsBackend) {
    let products = backend.products();
    let hidden = products.create(full("hidden")).await.expect("it is new");
    assert_eq!(rows(&products, &everything()).await, []);
    let query = ListProducts {
        view: crate::View::Admin,
        ..everything()
    };
    let found = rows(&products, &query).await;
    assert_eq!(found.into_iter().map(|row| row.product).collect::<Vec<_>>(), [hidden]);
}

/// It has no next one.
pub async fn an_empty_page_is_a_page(backend: &dyn ProductsBackend) {
    let page = backend.products().list(&everything()).await.expect("an answer");
    assert_eq!((page.items, page.next_cursor, page.total), (vec![], None, None));
}

/// Definite: it is the caller's fault.
pub async fn an_unreadable_cursor_is_refused(backend: &dyn ProductsBackend) {
    for cursor in ["", "not a cursor", "\u{1f4a1}"] {
        let query = ListProducts {
            cursor: Some(cursor.to_owned()),
            ..everything()
        };
        let refused = backend.products().list(&query).await;
        assert!(
            matches!(refused, Err(ProductsError::CursorInvalid)),
            "{cursor:?}: {refused:?}"
        );
    }
}

/// Definite: it is the caller's fault.
pub async fn a_cursor_of_another_list_is_refused(backend: &dyn ProductsBackend) {
    let products = stocked(backend).await;
    let first = ListProducts {
        limit: 1,
        ..everything()
    };
    let cursor = products.list(&first).await.expect("an answer").next_cursor;
    assert!(cursor.is_some());
    let other = ListProducts {
        cursor,
        sort: Some(Sort::Name),
        ..everything()
    };
    let refused = products.list(&other).await;
    assert!(matches!(refused, Err(ProductsError::CursorMismatch)), "{refused:?}");
}

/// A hundred products with the longest descriptions there may be.
pub async fn the_largest_page_arrives(backend: &dyn ProductsBackend) {
    let products = backend.products();
    for number in 0..100 {
        let mut new = lamp(&format!("lamp-{number}"));
        new.details.description = "<p>".repeat(33_333);
        products.create(new).await.expect("it is new");
    }
    let whole = rows(&products, &everything()).await;
    assert_eq!(
        whole
            .iter()
            .filter(|row| row.product.description.len() == 99_999)
            .count(),
        100
    );
}
