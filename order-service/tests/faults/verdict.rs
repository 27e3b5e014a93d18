//! The invariants of checkout, as far as they can be seen when all has come to rest.

use std::collections::{BTreeMap, BTreeSet};

use order_api::{OrderRecord, OrderState};
use order_service::payment::{Hold, Payment};
use order_service::store::OrderStore;
use product_api::{Reservation, ReservationState};
use values::{OrderId, ProductId};

use crate::support::warehouse::Warehouse;

/// What a test knows that the books do not.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    /// What was on the shelf at first.
    pub(crate) shelf: BTreeMap<ProductId, i64>,
    /// The orders that clients were told of.
    pub(crate) told: BTreeSet<OrderId>,
    /// The orders whose cancel was taken.
    pub(crate) promised: BTreeSet<OrderId>,
}

/// What is wrong; nothing, if the protocol holds.
pub(crate) async fn violations(
    store: &dyn OrderStore,
    goods: &dyn Warehouse,
    hold: &Hold,
    witness: &Witness,
) -> Vec<String> {
    let orders = store.records_after(None, 10_000).await.unwrap();
    let page = goods.stock().reservations(None, 1_000).await.unwrap();
    assert!(!page.more, "one page has them all");
    let reservations = page.items;
    let by_order: BTreeMap<OrderId, &Reservation> = reservations.iter().map(|held| (held.order_id, held)).collect();
    let mut found = Vec::new();
    for order in &orders {
        let state = by_order.get(&order.id).map(|held| held.state);
        let faults = faults_of(order, state, hold.payment(order.id));
        found.extend(
            faults
                .into_iter()
                .map(|fault| format!("{fault}: {order:?}, stock {state:?}")),
        );
        if witness.promised.contains(&order.id) && order.state.status() != order_api::OrderStatus::Cancelled {
            found.push(format!("10: a cancel was taken: {order:?}"));
        }
    }
    let ids: BTreeSet<OrderId> = orders.iter().map(|order| order.id).collect();
    found.extend(
        witness
            .told
            .difference(&ids)
            .map(|id| format!("5: a client was told of {id}, which is not there")),
    );
    for held in &reservations {
        let takes_goods = matches!(held.state, ReservationState::Held | ReservationState::Sold);
        if takes_goods && !ids.contains(&held.order_id) {
            found.push(format!("4: {} has goods and no order", held.order_id));
        }
    }
    found.extend(shelf_faults(goods, &reservations, witness).await);
    let faults = goods.stock().faults().await.unwrap();
    found.extend(faults.into_iter().map(|fault| format!("{fault:?}")));
    found
}

fn faults_of(order: &OrderRecord, stock: Option<ReservationState>, payment: Option<Payment>) -> Vec<&'static str> {
    let is_sold = stock == Some(ReservationState::Sold);
    let has_goods = is_sold || stock == Some(ReservationState::Held);
    let total = order.total.unwrap_or(0);
    let must_be_paid = order.provider != "none" && total > 0;
    let was_confirmed = order.confirmed_at.is_some();
    let is_cancelled = matches!(order.state, OrderState::Cancelled | OrderState::Refunded);
    let taken = matches!(payment, Some(Payment::Captured(amount)) if amount.amount() == total);
    let is_live = matches!(payment, Some(Payment::Authorised(_) | Payment::Captured(_)));
    let events = order.events;
    let rules = [
        ("9: it is not at rest", is_at_rest(order.state)),
        ("4: paid means sold", order.state != OrderState::Paid || is_sold),
        (
            "4: what is not bought has no goods",
            order.state == OrderState::Paid || !has_goods,
        ),
        (
            "7: captured is nothing or the total",
            order.captured == 0 || order.captured == total,
        ),
        (
            "7: paid means captured",
            order.state != OrderState::Paid || !must_be_paid || (taken && order.captured == total),
        ),
        (
            "7: what is not bought holds no money",
            order.state == OrderState::Paid || !is_live,
        ),
        (
            "7: what was taken is given back",
            !is_cancelled || order.captured == order.refunded,
        ),
        ("8: one confirmation", events.confirmed == u32::from(was_confirmed)),
        (
            "8: one refusal",
            events.rejected == u32::from(order.state == OrderState::Rejected),
        ),
        ("8: one cancellation", events.cancelled == u32::from(is_cancelled)),
        ("8: at most one payment", events.paid <= u32::from(order.captured > 0)),
        (
            "10: a cancel that was noted is kept",
            !order.cancel_requested || is_cancelled,
        ),
    ];
    rules
        .into_iter()
        .filter(|(_, holds)| !holds)
        .map(|(rule, _)| rule)
        .collect()
}

fn is_at_rest(state: OrderState) -> bool {
    matches!(
        state,
        OrderState::Paid | OrderState::Rejected | OrderState::Cancelled | OrderState::Refunded
    )
}

async fn shelf_faults(goods: &dyn Warehouse, reservations: &[Reservation], witness: &Witness) -> Vec<String> {
    let mut found = Vec::new();
    for (&product, &first) in &witness.shelf {
        let of = |state| -> i64 {
            let lines = reservations
                .iter()
                .filter(|held| held.state == state)
                .flat_map(|held| &held.lines);
            let lines = lines.filter(|line| line.product_id == product && line.counted);
            lines.map(|line| i64::from(line.quantity.get())).sum()
        };
        let shelf = goods.shelf(product).await;
        let (held, sold) = (of(ReservationState::Held), of(ReservationState::Sold));
        if shelf.on_hand + sold != first || shelf.reserved != held {
            found.push(format!(
                "2, 3: {product} began with {first}, sold {sold}, holds {held}: {shelf:?}"
            ));
        }
    }
    found
}
