//! Products to test with.

use platform_clock::{Clock, SystemClock};
use product_api::{Image, Options, Product};
use product_service::store::{Act, ProductRecord};
use values::{Currency, Money, Sku, Timestamp};

/// A price in dollars' cents.
pub(crate) fn usd(amount: i64) -> Money {
    Money::new(amount, Currency::USD).unwrap()
}

/// A simple product that is for sale.
pub(crate) fn product(sku: &str, name: &str) -> Product {
    let now = SystemClock.now();
    Product {
        id: SystemClock.new_id().into(),
        sku: Sku::try_from(sku.to_owned()).unwrap(),
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
        options: Options(vec![
            ("Size".to_owned(), "S".to_owned()),
            ("Color".to_owned(), "Navy".to_owned()),
        ]),
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
        at: Timestamp::from_micros(SystemClock.now().as_micros()),
        actor: Some("admin".to_owned()),
        request_id: Some("r-1".to_owned()),
        traceparent: None,
    }
}
