//! Goods for orders, on both engines: the contract, the store, crowds, and a comparison with the fake.

mod contract;
mod crowd;
mod model;
mod past;
mod store;
mod together;

use platform_clock::{Clock, SystemClock};
use product_api::{Product, Reservation, StockLine, StockRequest};
use product_service::store::Stores;
use product_service::store::stock::{Step, Stepped};
use values::{OrderId, Quantity};

use crate::samples::{create, product};

/// A new product with so many on its shelf.
async fn shelved(stores: &Stores, stock: impl Into<Option<i64>>) -> Product {
    let id = SystemClock.new_id();
    let shelved = Product {
        id: id.into(),
        stock: stock.into(),
        ..product(&id.to_string(), "Shelved")
    };
    create(stores, &shelved).await;
    shelved
}

/// A new order for these.
fn order(wanted: &[(&Product, i64)]) -> StockRequest {
    let mut lines: Vec<StockLine> = wanted
        .iter()
        .map(|(product, pieces)| StockLine {
            product_id: product.id,
            quantity: Quantity::try_from(*pieces).unwrap(),
        })
        .collect();
    lines.sort_by_key(|line| line.product_id);
    StockRequest {
        order_id: OrderId::from(SystemClock.new_id()),
        lines,
    }
}

/// What stands in the books after a step.
async fn take(stores: &Stores, step: Step) -> Reservation {
    match stores.stock.step(step, SystemClock.now()).await.unwrap() {
        Stepped::Stands(reservation) => reservation,
        other => panic!("nothing stands in the books: {other:?}"),
    }
}
