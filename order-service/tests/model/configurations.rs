//! The configurations, each visited whole. Every one is about one kind of race and leaves out what the others have.

use super::check::assert_sound;
use super::order::{Provider, Status};
use super::rules::Rules;
use super::shop::{Change, Event, Shop};

const ONE_UNIT: [i8; 2] = [1, 0];
const NOTHING: [i8; 2] = [0, 0];
const BOTH: [i8; 2] = [1, 1];

/// One order of one unit at the price of 1, two workers. The base of every other configuration.
fn one_order(provider: Provider) -> Shop {
    Shop {
        orders: [ONE_UNIT, NOTHING],
        stock: ONE_UNIT,
        prices: [1, 1],
        provider,
        workers: 2,
        events: &[Event::Cancel, Event::Deadline],
        changes: &[],
        ends: &[Status::Paid, Status::Cancelled, Status::Refunded],
        rules: Rules::ALL,
    }
}

/// One call sells, and is overtaken by cancel and deadline.
pub(super) fn sold_at_once() -> Shop {
    Shop {
        workers: 3,
        ..one_order(Provider::None)
    }
}

/// Reserve, confirm, release and expiry race for one row.
pub(super) fn held() -> Shop {
    Shop {
        workers: 3,
        events: &[Event::Cancel, Event::Deadline, Event::Expiry],
        ..one_order(Provider::Hold)
    }
}

/// A worker of an older version reserves what the newer one sells.
pub(super) fn beside_an_older_version() -> Shop {
    Shop {
        events: &[Event::Cancel, Event::Deadline, Event::Expiry, Event::OldVersion],
        ..one_order(Provider::None)
    }
}

/// A provider that finds a payment by the order's id, that declines and refuses, with a reservation that runs out.
pub(super) fn paid_by_key() -> Shop {
    Shop {
        workers: 3,
        events: &[
            Event::Cancel,
            Event::Deadline,
            Event::Expiry,
            Event::Decline,
            Event::CaptureRefusal,
        ],
        ..one_order(Provider::PaidByKey)
    }
}

/// A provider that knows a payment by its own id alone, and replays its errors.
pub(super) fn paid_by_id() -> Shop {
    Shop {
        events: &[
            Event::Cancel,
            Event::Deadline,
            Event::Expiry,
            Event::Decline,
            Event::CaptureRefusal,
            Event::ReplayedError,
        ],
        ..one_order(Provider::PaidById)
    }
}

/// `sell(only_if_free)` of something that costs, beside a worker that reserves, while it becomes free.
pub(super) fn not_free() -> Shop {
    Shop {
        events: &[Event::Cancel, Event::Deadline, Event::SellIfFree, Event::OldVersion],
        changes: &[Change::Reprice { product: 0, to: 0 }],
        ..one_order(Provider::PaidByKey)
    }
}

/// `sell(only_if_free)` of something free, beside a worker that reserves, while a price is set.
pub(super) fn free() -> Shop {
    Shop {
        prices: [0, 0],
        changes: &[Change::Reprice { product: 0, to: 2 }],
        ..not_free()
    }
}

/// The settings change the provider under an open order.
pub(super) fn provider_changed() -> Shop {
    Shop {
        changes: &[Change::UseNoProvider],
        ..one_order(Provider::PaidByKey)
    }
}

/// Two orders for the last unit, sold at once; one more comes in.
pub(super) fn last_unit_sold() -> Shop {
    Shop {
        orders: [ONE_UNIT, ONE_UNIT],
        events: &[Event::Cancel],
        changes: &[Change::Add { product: 0, delta: 1 }],
        ends: &[Status::Paid, Status::Rejected, Status::Cancelled, Status::Refunded],
        ..one_order(Provider::None)
    }
}

/// Two orders for the last unit, held first.
pub(super) fn last_unit_held() -> Shop {
    Shop {
        events: &[Event::Cancel, Event::Expiry],
        changes: &[],
        provider: Provider::Hold,
        ..last_unit_sold()
    }
}

/// Two orders for the last unit, one held by an older version while the other is sold.
pub(super) fn last_unit_held_and_sold() -> Shop {
    Shop {
        events: &[Event::OldVersion, Event::Expiry],
        changes: &[],
        ends: &[Status::Paid, Status::Rejected, Status::Cancelled],
        ..last_unit_sold()
    }
}

/// Two orders of the same two products, of which one is short.
pub(super) fn two_products() -> Shop {
    Shop {
        orders: [BOTH, BOTH],
        stock: [2, 1],
        events: &[Event::Cancel],
        ends: &[Status::Paid, Status::Rejected, Status::Cancelled, Status::Refunded],
        ..one_order(Provider::Hold)
    }
}

/// An admin counts, sets, stops counting and deletes beside two orders that are held and sold.
pub(super) fn admin() -> Shop {
    Shop {
        orders: [ONE_UNIT, NOTHING],
        events: &[Event::Cancel, Event::Expiry],
        changes: &[
            Change::Add { product: 0, delta: -1 },
            Change::Set { product: 0, to: 0 },
            Change::StopCounting { product: 0 },
            Change::Delete { product: 0 },
        ],
        ends: &[Status::Paid, Status::Rejected, Status::Cancelled, Status::Refunded],
        ..one_order(Provider::Hold)
    }
}

/// Two requests with one key, each with an id of its own, one of which may die before it commits.
pub(super) fn one_key() -> Shop {
    Shop {
        orders: [ONE_UNIT, ONE_UNIT],
        stock: [2, 0],
        events: &[Event::OneKey, Event::Cancel],
        ..one_order(Provider::None)
    }
}

/// A call may be answered with anything that was answered to it before.
pub(super) fn old_answers() -> Shop {
    Shop {
        events: &[Event::Cancel, Event::Deadline, Event::Expiry, Event::OldAnswer],
        ..one_order(Provider::PaidByKey)
    }
}

/// One test per configuration: the protocol holds in all of it.
macro_rules! sound {
    ($($test:ident: $configuration:ident;)+) => {
        $(#[test]
        fn $test() {
            println!("{}", assert_sound(stringify!($configuration), $configuration()));
        })+
    };
}

sound! {
    an_order_is_sold_at_once: sold_at_once;
    an_order_is_held_then_confirmed: held;
    an_order_is_driven_by_two_versions: beside_an_older_version;
    an_order_is_paid_by_key: paid_by_key;
    an_order_is_paid_by_id: paid_by_id;
    an_order_that_costs_is_not_sold_as_free: not_free;
    an_order_that_is_free_is_sold_at_once: free;
    an_order_keeps_its_provider: provider_changed;
    the_last_unit_is_sold_once: last_unit_sold;
    the_last_unit_is_held_once: last_unit_held;
    the_last_unit_is_held_or_sold: last_unit_held_and_sold;
    an_order_of_two_products_takes_both_or_none: two_products;
    an_admin_changes_stock_beside_sales: admin;
    a_key_makes_one_order: one_key;
    old_answers_decide_nothing: old_answers;
}
