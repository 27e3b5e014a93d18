//! The list of `stoa reconcile`, as it holds in every single state. What holds only at rest is in `recovery`.

use stateright::Property;

use super::check::Checked;
use super::durable::{Durable, ReservationState};
use super::message::PaymentState;
use super::order::{Provider, Status};
use super::shop::{Event, Shop};
use super::world::World;

/// Declares each invariant once: the name that a counterexample shows, and the function that decides.
macro_rules! invariants {
    ($($name:ident = $text:literal => $holds:path;)+) => {
        $(pub(super) const $name: &str = $text;)+

        /// The invariants as properties of the model.
        pub(super) fn always() -> Vec<Property<Checked>> {
            vec![$(Property::always($name, |checked: &Checked, world: &World| {
                checked.judge($name, $holds(&checked.shop, &world.durable))
            })),+]
        }

        pub(super) fn all_hold(shop: &Shop, durable: &Durable) -> bool {
            $($holds(shop, durable))&&+
        }
    };
}

invariants! {
    RESERVED_FITS = "1: reserved is neither below zero nor above on hand" => reserved_fits;
    SHELF_ADDS_UP = "2: what was there and the admin's changes are on hand or sold" => shelf_adds_up;
    HOLDS_ADD_UP = "3: reserved is what is held" => holds_add_up;
    CONFIRMED_IS_SOLD = "4: confirmed or paid means sold" => confirmed_is_sold;
    ENDED_HOLDS_NOTHING = "4: cancelled, rejected or refunded means neither held nor sold" => ended_holds_nothing;
    STOCK_HAS_AN_ORDER = "4: what is held or sold has an order" => stock_has_an_order;
    NAMED_EXISTS = "5: an order that a client was given exists" => named_exists;
    ONE_ORDER_A_KEY = "6: one order for a key, and every reply names it" => one_order_a_key;
    MONEY_IN_PLACE = "7: captured is nothing or the total, and only where an order may have it" => money_in_place;
    PAID_IS_CAPTURED = "7: paid means captured" => paid_is_captured;
    ENDED_HAS_NO_MONEY = "7: rejected, cancelled or refunded means neither money nor authorisation" => ended_has_no_money;
    CONFIRMED_HAS_MONEY = "7: confirmed has its money authorised or captured" => confirmed_has_money;
    TOTAL_IS_STORED = "7: the total is what the lines were taken at" => total_is_stored;
    EVENT_ONCE = "8: no event twice" => event_once;
    PROMISE_KEPT = "10: an order whose cancel was taken is not sold" => promise_kept;
    NO_ALARM = "a return never finds an order unsold" => no_alarm;
}

fn reserved_fits(_: &Shop, durable: &Durable) -> bool {
    durable
        .products
        .iter()
        .all(|product| 0 <= product.reserved && product.reserved <= product.on_hand)
}

fn shelf_adds_up(shop: &Shop, durable: &Durable) -> bool {
    durable.products.iter().enumerate().all(|(index, product)| {
        let sold = counted_lines(shop, durable, index, ReservationState::Sold);
        shop.stock[index] + product.changed == product.on_hand + sold
    })
}

fn holds_add_up(shop: &Shop, durable: &Durable) -> bool {
    let held = |index| counted_lines(shop, durable, index, ReservationState::Held);
    durable
        .products
        .iter()
        .enumerate()
        .all(|(index, product)| product.reserved == held(index))
}

fn counted_lines(shop: &Shop, durable: &Durable, product: usize, state: ReservationState) -> i8 {
    let line = |order: usize| {
        let reservation = &durable.reservations[order];
        let counts = reservation.state == state && reservation.counted[product];
        if counts { shop.orders[order][product] } else { 0 }
    };
    shop.order_ids().map(line).sum()
}

fn confirmed_is_sold(shop: &Shop, durable: &Durable) -> bool {
    every_order(shop, durable, &[Status::Confirmed, Status::Paid], |order| {
        durable.reservations[order].state == ReservationState::Sold
    })
}

fn ended_holds_nothing(shop: &Shop, durable: &Durable) -> bool {
    every_order(shop, durable, &ENDED_UNSOLD, |order| !holds_or_sold(durable, order))
}

fn stock_has_an_order(shop: &Shop, durable: &Durable) -> bool {
    shop.order_ids()
        .all(|order| durable.rows[order].is_some() || !holds_or_sold(durable, order))
}

fn holds_or_sold(durable: &Durable, order: usize) -> bool {
    matches!(
        durable.reservations[order].state,
        ReservationState::Held | ReservationState::Sold
    )
}

fn named_exists(shop: &Shop, durable: &Durable) -> bool {
    shop.order_ids()
        .all(|order| !durable.named[order] || durable.rows[order].is_some())
}

fn one_order_a_key(shop: &Shop, durable: &Durable) -> bool {
    let count = |flags: &mut dyn Iterator<Item = bool>| flags.filter(|&is_set| is_set).count();
    !shop.has(Event::OneKey)
        || (count(&mut durable.rows.iter().map(Option::is_some)) <= 1 && count(&mut durable.named.into_iter()) <= 1)
}

fn money_in_place(shop: &Shop, durable: &Durable) -> bool {
    shop.order_ids().all(|order| {
        let mut captured = durable.payments[order]
            .iter()
            .filter(|payment| payment.state == PaymentState::Captured);
        let Some(payment) = captured.next() else { return true };
        let Some(row) = durable.rows[order] else { return false };
        captured.next().is_none()
            && row.total == Some(payment.amount)
            && matches!(row.status, Status::Confirmed | Status::Paid | Status::Refunding)
    })
}

fn paid_is_captured(shop: &Shop, durable: &Durable) -> bool {
    every_order(shop, durable, &[Status::Paid], |order| {
        !owes(durable, order) || has_payment(durable, order, &[PaymentState::Captured])
    })
}

fn ended_has_no_money(shop: &Shop, durable: &Durable) -> bool {
    every_order(shop, durable, &ENDED_UNSOLD, |order| {
        !has_payment(durable, order, &[PaymentState::Captured, PaymentState::Authorised])
    })
}

fn confirmed_has_money(shop: &Shop, durable: &Durable) -> bool {
    every_order(shop, durable, &[Status::Confirmed], |order| {
        !owes(durable, order) || has_payment(durable, order, &[PaymentState::Captured, PaymentState::Authorised])
    })
}

/// Whether somebody has to be paid for what was sold.
fn owes(durable: &Durable, order: usize) -> bool {
    let provider = durable.rows[order].map_or(Provider::None, |row| row.provider);
    provider.takes_money() && durable.reservations[order].total > 0
}

fn has_payment(durable: &Durable, order: usize, states: &[PaymentState]) -> bool {
    durable.payments[order]
        .iter()
        .any(|payment| states.contains(&payment.state))
}

fn total_is_stored(shop: &Shop, durable: &Durable) -> bool {
    every_order(shop, durable, &[Status::Confirmed, Status::Paid], |order| {
        durable.rows[order].is_some_and(|row| row.total == Some(durable.reservations[order].total))
    })
}

fn event_once(_: &Shop, durable: &Durable) -> bool {
    let once = |count: u8| count <= 1;
    let counts = durable
        .outbox
        .iter()
        .flat_map(|o| [o.confirmed, o.paid, o.rejected, o.cancelled]);
    counts.into_iter().all(once)
}

fn promise_kept(shop: &Shop, durable: &Durable) -> bool {
    every_order(
        shop,
        durable,
        &[Status::Confirmed, Status::Paid, Status::Rejected],
        |order| !durable.promised[order],
    )
}

fn no_alarm(_: &Shop, durable: &Durable) -> bool {
    !durable.alarm
}

const ENDED_UNSOLD: [Status; 3] = [Status::Rejected, Status::Cancelled, Status::Refunded];

/// Whether a condition holds for every order that is in one of these states.
fn every_order(shop: &Shop, durable: &Durable, states: &[Status], condition: impl Fn(usize) -> bool) -> bool {
    shop.order_ids().all(|order| {
        let is_in = durable.rows[order].is_some_and(|row| states.contains(&row.status));
        !is_in || condition(order)
    })
}
