//! What clients see of an order.

use order_api::{Order, OrderItem, OrderReason};
use product_api::Refusal;
use serde_json::{Value, json};
use values::Money;

use super::{OrderLine, Reason, Snapshot, StoredOrder};

/// The order as its owner sees it.
pub fn render(order: &StoredOrder) -> Order {
    Order {
        id: order.id,
        number: order.number,
        user_id: order.user_id,
        status: order.state.status(),
        reason: order.reason.map(|reason| reason_of(reason, order.refusal.as_ref())),
        items: order.lines.iter().map(item).collect(),
        subtotal: order.total,
        adjustments: Vec::new(),
        total: order.total,
        created_at: order.created_at,
        updated_at: order.updated_at,
    }
}

/// The sum of the lines; none while a price is missing.
pub fn total_of(lines: &[OrderLine]) -> Option<Money> {
    let mut total: Option<Money> = None;
    for line in lines {
        let line_total = line_total(line)?;
        total = Some(match total {
            Some(sum) => sum.checked_add(line_total).ok()?,
            None => line_total,
        });
    }
    total
}

/// The lines at fault, as a refusal lists them.
pub fn items_of(refusal: &Refusal) -> Option<Vec<Value>> {
    match refusal {
        Refusal::InsufficientStock { items } => Some(items.iter().map(|item| json!(item)).collect()),
        Refusal::UnknownProduct { items } => Some(items.iter().map(|id| json!({"product_id": id})).collect()),
        Refusal::MixedCurrency => None,
    }
}

fn reason_of(reason: Reason, refusal: Option<&Refusal>) -> OrderReason {
    OrderReason {
        code: reason.name().to_owned(),
        items: refusal.and_then(items_of),
    }
}

fn item(line: &OrderLine) -> OrderItem {
    let snapshot = line.snapshot.as_ref();
    OrderItem {
        product_id: line.product_id,
        sku: snapshot.map(|snapshot| snapshot.sku.clone()),
        name: snapshot.map(|snapshot| snapshot.name.clone()),
        quantity: line.quantity,
        unit_price: snapshot.map(|snapshot| snapshot.unit_price),
        line_total: line_total(line),
    }
}

fn line_total(line: &OrderLine) -> Option<Money> {
    let Snapshot { unit_price, .. } = line.snapshot.as_ref()?;
    unit_price.checked_mul(line.quantity.get()).ok()
}
