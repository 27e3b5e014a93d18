//! Products to test with.

use platform_clock::{Clock, SystemClock};
use product_api::{Image, Options, Product, View};
use product_service::store::{Act, Answered, ListQuery, Listed, Order, ProductRecord, Stores};
use values::{Currency, Money, Sku};

/// A price in dollars' cents.
pub(crate) fn usd(amount: i64) -> Money {
    Money::new(amount, Currency::USD).unwrap()
}

pub(crate) fn sku(text: &str) -> Sku {
    Sku::try_from(text.to_owned()).unwrap()
}

pub(crate) fn options(pairs: &[(&str, &str)]) -> Options {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Options(pairs.collect())
}

/// A simple product that is for sale.
pub(crate) fn product(sku_text: &str, name: &str) -> Product {
    let now = SystemClock.now();
    Product {
        id: SystemClock.new_id().into(),
        sku: sku(sku_text),
        name: name.to_owned(),
        description: format!("<p>All about {name}</p>"),
        category: None,
        tags: Vec::new(),
        vendor: None,
        images: Vec::new(),
        family: None,
        options: Options::default(),
        price: usd(1999),
        compare_at_price: None,
        stock: Some(10),
        published: true,
        barcode: None,
        weight_grams: None,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// A variant of a family.
pub(crate) fn variant(sku: &str, family: &str, size: &str) -> Product {
    Product {
        family: Some(family.to_owned()),
        options: options(&[("Size", size)]),
        ..product(sku, family)
    }
}

/// A product with something in every field.
pub(crate) fn full_product(sku: &str) -> Product {
    Product {
        category: Some("Wheels".to_owned()),
        tags: vec!["new".to_owned(), "Étrange".to_owned()],
        vendor: Some("Stoa".to_owned()),
        images: vec![Image {
            url: "https://example.org/a.png".to_owned(),
            alt: "a".to_owned(),
        }],
        family: Some("camisole".to_owned()),
        options: options(&[("Size", "S"), ("Color", "Navy")]),
        compare_at_price: Some(usd(2999)),
        stock: None,
        published: false,
        barcode: Some("4006381333931".to_owned()),
        weight_grams: Some(120),
        ..product(sku, "Full")
    }
}

/// As it is written.
pub(crate) fn record(product: &Product) -> ProductRecord {
    ProductRecord::new(product.clone())
}

/// An admin, now.
pub(crate) fn act() -> Act {
    Act {
        at: SystemClock.now(),
        actor: Some("admin".to_owned()),
        request_id: Some("r-1".to_owned()),
        traceparent: None,
    }
}

/// What was written just now.
pub(crate) fn now(answered: Answered) -> Product {
    match answered {
        Answered::Now(product) => *product,
        Answered::Before(answer) => panic!("it was answered before: {answer:?}"),
    }
}

pub(crate) async fn create(stores: &Stores, product: &Product) {
    stores.products.create(record(product), act(), None).await.unwrap();
}

pub(crate) async fn find(stores: &Stores, product: &Product) -> Product {
    stores.products.find(product.id, View::Admin).await.unwrap().unwrap()
}

/// Everything, as the public sees it.
pub(crate) fn all(order: Order) -> ListQuery {
    ListQuery {
        view: View::Public,
        search: None,
        category: None,
        tag: None,
        family: None,
        min_price: None,
        max_price: None,
        currency: matches!(order, Order::Cheapest | Order::Dearest).then_some(Currency::USD),
        in_stock: false,
        group_by_family: false,
        order,
        after: None,
        limit: 1_000,
    }
}

pub(crate) fn skus(rows: &[Listed]) -> Vec<&str> {
    rows.iter().map(|row| row.product.sku.as_str()).collect()
}
