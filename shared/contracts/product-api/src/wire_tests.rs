//! What leaves a process comes back the same, and what is no good is refused.

use std::fmt::Debug;
use std::mem::discriminant;

use platform_problem::{Problem, ReceivedProblem};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use values::{Currency, Money, Quantity, Timestamp};

use crate::calls::{PRODUCTS, STOCK};
use crate::*;

pub(crate) fn usd(cents: i64) -> Money {
    Money::total(cents, Currency::USD).unwrap()
}

pub(crate) fn id<T: std::str::FromStr<Err: Debug>>(last: char) -> T {
    format!("01890a5d-ac96-774b-bcce-b302099a805{last}").parse().unwrap()
}

pub(crate) fn full_product() -> Product {
    Product {
        id: id('1'),
        sku: "A 1".to_owned().try_into().unwrap(),
        name: "Lamp \u{1f4a1}".to_owned(),
        description: "<p>line\nline</p>".to_owned(),
        category: Some("Light".to_owned()),
        tags: vec!["new".to_owned(), "Étrange".to_owned()],
        vendor: Some("Stoa".to_owned()),
        images: vec![Image {
            url: "https://example.org/a.png".to_owned(),
            alt: String::new(),
        }],
        family: Some("lamp".to_owned()),
        options: Options(vec![
            ("Size".to_owned(), "S".to_owned()),
            ("Color".to_owned(), "Navy".to_owned()),
        ]),
        price: usd(1999),
        compare_at_price: Some(usd(2999)),
        stock: Some(0),
        published: false,
        barcode: Some("4006381333931".to_owned()),
        weight_grams: Some(120),
        version: 7,
        created_at: Timestamp::from_micros(1_700_000_000_123_456),
        updated_at: Timestamp::from_micros(-1),
    }
}

pub(crate) fn bare_product() -> Product {
    Product {
        category: None,
        tags: Vec::new(),
        vendor: None,
        images: Vec::new(),
        family: None,
        options: Options::default(),
        compare_at_price: None,
        stock: None,
        published: true,
        barcode: None,
        weight_grams: None,
        ..full_product()
    }
}

pub(crate) fn full_query() -> ListProducts {
    ListProducts {
        view: View::Admin,
        q: Some(String::new()),
        category: Some("a".to_owned()),
        tag: Some("b".to_owned()),
        family: Some("c".to_owned()),
        min_price: Some(0),
        max_price: Some(5),
        currency: Some(Currency::USD),
        in_stock: true,
        group_by_family: true,
        sort: Some(Sort::Relevance),
        limit: 100,
        cursor: Some("x".to_owned()),
        count: true,
    }
}

pub(crate) fn full_page() -> ProductPage {
    let row = |product, price_from, variants| ListedProduct {
        product,
        price_from,
        variants,
    };
    ProductPage {
        items: vec![
            row(full_product(), Some(usd(1)), Some(3)),
            row(bare_product(), None, None),
        ],
        next_cursor: Some("next".to_owned()),
        total: Some(2),
    }
}

pub(crate) fn request() -> StockRequest {
    let line = |last, pieces| StockLine {
        product_id: id(last),
        quantity: Quantity::try_from(pieces).unwrap(),
    };
    StockRequest::new(id('9'), vec![line('1', 1), line('2', 1000)]).unwrap()
}

pub(crate) fn reservations() -> Vec<Reservation> {
    let line = ReservedLine {
        product_id: id('1'),
        quantity: Quantity::try_from(3).unwrap(),
        counted: true,
        sku: "A 1".to_owned().try_into().unwrap(),
        name: "Lamp".to_owned(),
        unit_price: usd(0),
    };
    let short = ShortItem {
        product_id: id('1'),
        requested: 3,
        available: 2,
    };
    let reservation = |state, lines, refusal| Reservation {
        order_id: id('9'),
        state,
        lines,
        refusal,
    };
    vec![
        reservation(ReservationState::Held, vec![line.clone(), line.clone()], None),
        reservation(ReservationState::Sold, vec![line.clone()], None),
        reservation(ReservationState::Released, Vec::new(), None),
        reservation(ReservationState::Expired, vec![line.clone()], None),
        reservation(ReservationState::Returned, vec![line], None),
        reservation(
            ReservationState::Rejected,
            Vec::new(),
            Some(Refusal::InsufficientStock { items: vec![short] }),
        ),
        reservation(
            ReservationState::Rejected,
            Vec::new(),
            Some(Refusal::UnknownProduct {
                items: vec![id('1'), id('2')],
            }),
        ),
        reservation(ReservationState::Rejected, Vec::new(), Some(Refusal::MixedCurrency)),
    ]
}

/// Every error; the match fails to compile when one is added.
pub(crate) fn products_errors() -> Vec<ProductsError> {
    use ProductsError::{
        CursorInvalid, CursorMismatch, NotFound, OptionsTaken, SkuTaken, Unavailable, VersionMismatch,
    };
    match NotFound {
        NotFound | SkuTaken | OptionsTaken | VersionMismatch | CursorInvalid | CursorMismatch | Unavailable(_) => {}
    }
    vec![
        NotFound,
        SkuTaken,
        OptionsTaken,
        VersionMismatch,
        CursorInvalid,
        CursorMismatch,
        Unavailable(None),
    ]
}

/// Every error; the match fails to compile when one is added.
pub(crate) fn stock_errors() -> Vec<StockError> {
    use StockError::{OtherRequest, Unavailable};
    match OtherRequest {
        OtherRequest | Unavailable(_) => {}
    }
    vec![OtherRequest, Unavailable(None)]
}

fn over_http(problem: &Problem) -> ReceivedProblem {
    let body = problem.to_json(Some("r1")).to_string();
    ReceivedProblem::from_http(problem.status(), body.as_bytes())
}

#[test]
fn every_error_comes_back_as_itself() {
    for error in products_errors() {
        let back = ProductsError::from(over_http(&Problem::from(&error).of(PRODUCTS)));
        assert_eq!(discriminant(&back), discriminant(&error), "{error} came back as {back}");
    }
    for error in stock_errors() {
        let back = StockError::from(over_http(&Problem::from(&error).of(STOCK)));
        assert_eq!(discriminant(&back), discriminant(&error), "{error} came back as {back}");
    }
}

#[test]
fn an_error_of_somebody_else_is_no_answer() {
    for error in products_errors() {
        let bare = ProductsError::from(over_http(&Problem::from(&error)));
        assert!(matches!(bare, ProductsError::Unavailable(Some(_))), "{error}");
    }
    for error in stock_errors() {
        let other = StockError::from(over_http(&Problem::from(&error).of(PRODUCTS)));
        assert!(matches!(other, StockError::Unavailable(Some(_))), "{error}");
    }
    for status in [401, 403, 404, 413, 422, 429, 500, 502, 503] {
        let received = ReceivedProblem::from_http(status, b"<html>");
        assert!(matches!(StockError::from(received), StockError::Unavailable(Some(_))));
    }
}

fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let written = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&written).unwrap(), value);
    // What a later release adds is passed over, at every depth. A JSON value sorts its members, so it is compared with its like.
    let written: Value = serde_json::from_str(&written).unwrap();
    let read = |value| serde_json::from_value::<T>(value).unwrap();
    assert_eq!(read(widened(written.clone())), read(written));
}

fn widened(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let is_free = |name: &str| name == "options";
            let members = members.into_iter().map(|(name, value)| {
                let value = if is_free(&name) { value } else { widened(value) };
                (name, value)
            });
            let added = ("added_later".to_owned(), json!({"a": [1]}));
            Value::Object(members.chain([added]).collect())
        }
        Value::Array(items) => items.into_iter().map(widened).collect(),
        other => other,
    }
}

#[test]
fn every_body_comes_back_as_it_was_and_ignores_what_it_does_not_know() {
    comes_back(&full_product());
    comes_back(&bare_product());
    comes_back(&full_query());
    comes_back(&full_page());
    comes_back(&request());
    for reservation in reservations() {
        comes_back(&reservation);
    }
}

#[test]
fn an_answer_this_process_does_not_know_is_no_answer() {
    assert!(serde_json::from_value::<Confirmed>(json!("half_sold")).is_err());
    assert!(serde_json::from_value::<ReservationState>(json!("lost")).is_err());
    assert!(serde_json::from_value::<Refusal>(json!({"code": "limit_reached"})).is_err());
}

#[test]
fn a_request_for_goods_is_sorted_and_bounded() {
    let line = |last: char| json!({"product_id": id::<values::ProductId>(last), "quantity": 1});
    let refused = |lines: Value| {
        let body = json!({"order_id": id::<values::OrderId>('9'), "lines": lines});
        serde_json::from_value::<StockRequest>(body).unwrap_err().to_string()
    };
    assert!(refused(json!([])).contains("1 to 100"));
    assert!(refused(json!([line('2'), line('1')])).contains("sorted"));
    assert!(refused(json!([line('1'), line('1')])).contains("none twice"));
    let line = json!({"product_id": id::<values::ProductId>('1'), "quantity": 0});
    assert!(refused(json!([line])).contains("between 1 and 1000"));
}
