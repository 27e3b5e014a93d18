//! What must hold between an order and what the stock has for it, numbered as the protocol numbers its invariants.
//!
//! To add a rule: a `check` in the function of its number, and a test that plants its violation.

use std::fmt;
use std::time::Duration;

use order_api::{OrderRecord, OrderState};
use product_api::{Reservation, ReservationState};
use values::{ProductId, Quantity, Timestamp};

/// What must come to an end comes to it in this time.
const SOON: Duration = Duration::from_mins(1);

/// Events are counted in the outbox, which forgets them after a week; a day is left for what is published late.
const EVENTS_KEPT: Duration = Duration::from_hours(6 * 24);

/// One order as both sides have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// What was ordered.
    pub order: Option<OrderRecord>,
    /// What the stock did for it.
    pub reservation: Option<Reservation>,
}

/// A rule that is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its number.
    pub invariant: u8,
    /// What is the matter.
    pub detail: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invariant {}: {}", self.invariant, self.detail)
    }
}

/// Collects faults.
struct Faults(Vec<Fault>);

impl Faults {
    fn check(&mut self, invariant: u8, holds: bool, detail: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Fault {
                invariant,
                detail: detail(),
            });
        }
    }
}

/// What is wrong with an order, read at about `now`; nothing if it is in order or under way.
pub fn faults_of(pair: &Pair, now: Timestamp) -> Vec<Fault> {
    let mut faults = Faults(Vec::new());
    match (&pair.order, &pair.reservation) {
        (Some(order), held) => {
            goods(&mut faults, order, held.as_ref());
            money(&mut faults, order, held.as_ref());
            events(&mut faults, order, now);
            time(&mut faults, order, now);
            faults.check(10, !order.cancel_requested || can_be_called_off(order.state), || {
                format!("a cancel was taken and it is {}", order.state.name())
            });
        }
        (None, Some(held)) => orphan(&mut faults, held),
        (None, None) => {}
    }
    faults.0
}

/// Invariant 5, as far as it can be seen, and 4 where goods are at stake.
fn orphan(faults: &mut Faults, held: &Reservation) {
    let number = if takes_goods(held.state) { 4 } else { 5 };
    faults.check(number, false, || {
        format!("its goods are {} and there is no such order", name(held.state))
    });
}

/// Invariant 4.
fn goods(faults: &mut Faults, order: &OrderRecord, held: Option<&Reservation>) {
    let found = held.map(|held| held.state);
    let agrees = match order.state {
        OrderState::Confirmed | OrderState::Paid | OrderState::Fulfilled => found == Some(ReservationState::Sold),
        // A refusal is a row of the stock.
        OrderState::Rejected => found == Some(ReservationState::Rejected),
        OrderState::Cancelled | OrderState::Refunded => !found.is_some_and(takes_goods),
        // Under way: the goods may be anywhere.
        OrderState::Pending | OrderState::Cancelling | OrderState::Refunding => true,
    };
    faults.check(4, agrees, || {
        let goods = found.map_or("unknown to the stock", name);
        format!("it is {} and its goods are {goods}", order.state.name())
    });
    let Some(held) = held.filter(|held| !held.lines.is_empty()) else {
        return;
    };
    let mut ordered = order.lines.clone();
    let mut reserved: Vec<(ProductId, Quantity)> =
        held.lines.iter().map(|line| (line.product_id, line.quantity)).collect();
    ordered.sort_by_key(|(product, _)| *product);
    reserved.sort_by_key(|(product, _)| *product);
    faults.check(4, ordered == reserved, || {
        "the stock has other goods for it than were ordered".to_owned()
    });
}

/// Invariant 7.
fn money(faults: &mut Faults, order: &OrderRecord, held: Option<&Reservation>) {
    let OrderRecord {
        state,
        total,
        captured,
        refunded,
        ..
    } = *order;
    let is_bought = matches!(state, OrderState::Paid | OrderState::Fulfilled);
    let was_bought = is_bought || matches!(state, OrderState::Confirmed);
    let may_hold_money = was_bought || matches!(state, OrderState::Refunding | OrderState::Refunded);
    let due = total.unwrap_or(0);
    faults.check(7, !was_bought || total.is_some(), || {
        format!("it is {} and has no total", state.name())
    });
    faults.check(7, captured == 0 || captured == due, || {
        format!("{captured} was captured of a total of {due}")
    });
    faults.check(7, refunded == 0 || refunded == captured, || {
        format!("{refunded} was given back of {captured} captured")
    });
    faults.check(7, captured == 0 || may_hold_money, || {
        format!("{captured} was captured and it is {}", state.name())
    });
    faults.check(7, !is_bought || order.provider == "none" || captured == due, || {
        format!(
            "it is {} by {} and {captured} of {due} was captured",
            state.name(),
            order.provider
        )
    });
    faults.check(7, state != OrderState::Refunded || captured == refunded, || {
        format!("it is refunded and {refunded} of {captured} was given back")
    });
    let Some(cost) = held.filter(|held| !held.lines.is_empty()).map(cost) else {
        return;
    };
    faults.check(7, total.is_none() || total.map(i128::from) == Some(cost), || {
        format!("its total is {due} and its goods cost {cost}")
    });
}

/// Invariant 8.
fn events(faults: &mut Faults, order: &OrderRecord, now: Timestamp) {
    let is = |holds: bool| u32::from(holds);
    let is_called_off = matches!(order.state, OrderState::Cancelled | OrderState::Refunded);
    let is_paid = matches!(order.state, OrderState::Paid | OrderState::Fulfilled) && order.captured > 0;
    let all = [
        (
            "confirmed",
            order.events.confirmed,
            is(order.confirmed_at.is_some()),
            true,
        ),
        (
            "rejected",
            order.events.rejected,
            is(order.state == OrderState::Rejected),
            true,
        ),
        ("cancelled", order.events.cancelled, is(is_called_off), true),
        // A capture that was refunded since has left its event or not, by the path it took.
        ("paid", order.events.paid, is(is_paid), is_paid || order.captured == 0),
    ];
    let are_kept = now.since(order.created_at) < EVENTS_KEPT;
    for (event, found, expected, is_exact) in all {
        let holds = found <= 1 && (!are_kept || !is_exact || found == expected);
        faults.check(8, holds, || {
            format!(
                "it has {found} order.{event} and not {expected}: it is {}",
                order.state.name()
            )
        });
    }
}

/// Invariant 9.
fn time(faults: &mut Faults, order: &OrderRecord, now: Timestamp) {
    let limit = match order.state {
        OrderState::Pending => order.deadline_at,
        OrderState::Cancelling | OrderState::Refunding | OrderState::Confirmed => order.updated_at,
        _ => return,
    };
    faults.check(9, now <= limit.plus(SOON), || {
        let since = now.since(order.updated_at).as_secs();
        format!("it has been {} for {since} s: does the shop run?", order.state.name())
    });
}

fn can_be_called_off(state: OrderState) -> bool {
    !matches!(
        state,
        OrderState::Confirmed | OrderState::Paid | OrderState::Fulfilled | OrderState::Rejected
    )
}

fn takes_goods(state: ReservationState) -> bool {
    matches!(state, ReservationState::Held | ReservationState::Sold)
}

fn cost(held: &Reservation) -> i128 {
    let lines = held.lines.iter();
    lines
        .map(|line| i128::from(line.unit_price.amount()) * i128::from(line.quantity.get()))
        .sum()
}

fn name(state: ReservationState) -> &'static str {
    match state {
        ReservationState::Held => "held",
        ReservationState::Sold => "sold",
        ReservationState::Released => "released",
        ReservationState::Expired => "expired",
        ReservationState::Rejected => "refused",
        ReservationState::Returned => "returned",
    }
}
