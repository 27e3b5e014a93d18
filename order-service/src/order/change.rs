//! From one row to the next.

use std::sync::Arc;

use order_api::OrderState;
use order_api::events::{ORDER_CANCELLED, ORDER_CONFIRMED, ORDER_PAID, ORDER_REJECTED, OrderChanged};
use platform_events::Event;
use product_api::Refusal;
use uuid::Uuid;
use values::{Money, Timestamp};

use super::{OrderLine, Reason, StoredOrder, is_open, total_of};

/// What a transition brings with it beside the new state.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Names and prices, where stock has said them.
    pub lines: Option<Vec<OrderLine>>,
    /// Why stock refused.
    pub refusal: Option<Refusal>,
    /// Why it goes there. An earlier reason stands.
    pub reason: Option<Reason>,
    /// A cancel was taken.
    pub cancel_requested: bool,
    /// The total was taken with it.
    pub captured: bool,
    /// What was taken is given back.
    pub refunded: bool,
}

/// A transition as it is written: the row after it, guarded by the version before it.
#[derive(Debug, Clone)]
pub struct Change {
    /// The row after the change; its version is one more than the one it replaces.
    pub order: Arc<StoredOrder>,
    /// Whether the lines got their names and prices with it.
    pub lines_changed: bool,
    /// What others are told of it.
    pub event: Option<Event>,
}

/// When a change is made, and what is made for it.
#[derive(Debug, Clone, Copy)]
pub struct Occasion {
    /// Now.
    pub now: Timestamp,
    /// When somebody else may take the order up if it stays open.
    pub lease_until: Timestamp,
    /// The id of the event, if there is one.
    pub event_id: Uuid,
}

impl Change {
    /// The change of an order to another state.
    pub fn new(before: &StoredOrder, to: OrderState, outcome: Outcome, occasion: Occasion) -> Self {
        let mut order = before.clone();
        let lines_changed = outcome.lines.is_some() && before.total.is_none();
        if let Some(lines) = outcome.lines.filter(|_| lines_changed) {
            order.total = total_of(&lines);
            order.lines = lines;
        }
        let total = order.total.map_or(0, Money::amount);
        let is_confirmed = matches!(to, OrderState::Confirmed | OrderState::Paid);
        let event = event_kind(before, to, outcome.captured);
        order.state = to;
        order.reason = order.reason.or(outcome.reason);
        order.refusal = order.refusal.or(outcome.refusal);
        order.cancel_requested |= outcome.cancel_requested;
        order.captured = if outcome.captured { total } else { order.captured };
        order.refunded = if outcome.refunded {
            order.captured
        } else {
            order.refunded
        };
        order.version += 1;
        order.attempts = 0;
        order.next_attempt_at = is_open(to).then_some(occasion.lease_until);
        order.updated_at = occasion.now;
        order.confirmed_at = order.confirmed_at.or(is_confirmed.then_some(occasion.now));
        let event = event.map(|kind| event_of(&order, kind, occasion));
        Self {
            order: Arc::new(order),
            lines_changed,
            event,
        }
    }
}

/// What a transition is called towards others; most are nobody else's business.
fn event_kind(before: &StoredOrder, to: OrderState, captured: bool) -> Option<&'static str> {
    match to {
        OrderState::Confirmed | OrderState::Paid if before.confirmed_at.is_none() => Some(ORDER_CONFIRMED),
        OrderState::Paid if captured => Some(ORDER_PAID),
        OrderState::Rejected => Some(ORDER_REJECTED),
        OrderState::Cancelled | OrderState::Refunded => Some(ORDER_CANCELLED),
        _ => None,
    }
}

fn event_of(order: &StoredOrder, kind: &'static str, occasion: Occasion) -> Event {
    let data = OrderChanged {
        order_id: order.id,
        version: order.version,
    };
    let event = Event::new(
        occasion.event_id,
        kind,
        "/order-service",
        &order.id,
        occasion.now,
        &data,
    );
    let event = event.expect("an id and a number can be written as JSON");
    event.with_traceparent(order.traceparent.clone())
}
