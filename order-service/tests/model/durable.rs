//! All that survives a crash: the rows of the two schemas, the provider's payments, and what the checker
//! remembers to judge them by.

use super::message::PaymentState;
use super::order::{Provider, Row};
use super::shop::{ORDERS, PRODUCTS, Shop};

/// The product schema's `stock` row, with the part of the catalogue that reserve reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Product {
    pub(super) on_hand: i8,
    pub(super) reserved: i8,
    pub(super) counted: bool,
    pub(super) deleted: bool,
    pub(super) price: u8,
    /// What the admin added in all. Only the checker reads it.
    pub(super) changed: i8,
}

/// The product schema's `reservations` row with its lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Reservation {
    pub(super) state: ReservationState,
    /// Whether each line was counted when it was taken.
    pub(super) counted: [bool; PRODUCTS],
    /// What the lines add up to, by the prices when they were taken.
    pub(super) total: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum ReservationState {
    /// There is no row.
    #[default]
    Absent,
    Held,
    Sold,
    Released,
    Expired,
    Rejected,
    Returned,
}

/// A payment at the provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Payment {
    pub(super) state: PaymentState,
    pub(super) amount: u8,
    /// The calls (one bit each) that are answered with the same 500 for ever.
    pub(super) replays_error: u8,
}

/// How many events of each kind an order has in the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Outbox {
    pub(super) confirmed: u8,
    pub(super) paid: u8,
    pub(super) rejected: u8,
    pub(super) cancelled: u8,
}

/// What survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Durable {
    pub(super) rows: [Option<Row>; ORDERS],
    pub(super) outbox: [Outbox; ORDERS],
    pub(super) reservations: [Reservation; ORDERS],
    pub(super) payments: [[Payment; 2]; ORDERS],
    pub(super) products: [Product; PRODUCTS],
    /// The provider that the settings name now.
    pub(super) setting: Provider,
    /// Which of the admin's changes were made, one bit each.
    pub(super) changes_made: u8,
    /// Which order ids a client was given.
    pub(super) named: [bool; ORDERS],
    /// Whose cancel was answered with 200 or 202.
    pub(super) promised: [bool; ORDERS],
    /// The stock service answered NOT_SOLD, which is a fault of ours.
    pub(super) alarm: bool,
}

impl Durable {
    pub(super) fn at_first(shop: &Shop) -> Durable {
        let product = |index: usize| Product {
            on_hand: shop.stock[index],
            reserved: 0,
            counted: true,
            deleted: false,
            price: shop.prices[index],
            changed: 0,
        };
        Durable {
            rows: [None; ORDERS],
            outbox: [Outbox::default(); ORDERS],
            reservations: [Reservation::default(); ORDERS],
            payments: [[Payment::default(); 2]; ORDERS],
            products: std::array::from_fn(product),
            setting: shop.provider,
            changes_made: 0,
            named: [false; ORDERS],
            promised: [false; ORDERS],
            alarm: false,
        }
    }
}
