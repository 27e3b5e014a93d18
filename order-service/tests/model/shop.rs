//! A configuration: how small a shop, and what may go wrong in it.

use super::order::{Provider, Status};
use super::rules::{Rule, Rules};

/// Orders, products and workers in a world. A configuration uses as many of them as its race needs.
pub(super) const ORDERS: usize = 2;
pub(super) const PRODUCTS: usize = 2;
pub(super) const WORKERS: usize = 3;

/// What may happen at any time besides calls, answers and their loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A client cancels.
    Cancel,
    /// A worker finds a PENDING order past its deadline.
    Deadline,
    /// The sweep finds a reservation past its expiry.
    Expiry,
    /// The provider declines an authorise that it has not answered yet.
    Decline,
    /// The provider refuses to capture what is authorised; a later try may succeed.
    CaptureRefusal,
    /// The provider does what it is asked, answers 500, and replays that 500 to the same key for ever.
    ReplayedError,
    /// A call takes any answer that was ever given to the same call, however old.
    OldAnswer,
    /// The second worker is of an older version: it reserves and confirms where the first sells.
    OldVersion,
    /// The workers use `sell(only_if_free)` where they would reserve.
    SellIfFree,
    /// Orders come in while the others run, all with one user and key. Without it every order has been placed.
    OneKey,
}

/// What an admin may do, once each, at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Add { product: usize, delta: i8 },
    Set { product: usize, to: i8 },
    StopCounting { product: usize },
    Reprice { product: usize, to: u8 },
    Delete { product: usize },
    UseNoProvider,
}

/// One configuration of the model.
#[derive(Clone, Debug)]
pub(super) struct Shop {
    /// The lines of each order: a quantity per product. An order of nothing is not there.
    pub(super) orders: [[i8; PRODUCTS]; ORDERS],
    /// On hand at first, per product.
    pub(super) stock: [i8; PRODUCTS],
    /// The price of each product at first. Totals are 0, 1 or 2 where a provider is paid.
    pub(super) prices: [u8; PRODUCTS],
    pub(super) provider: Provider,
    pub(super) workers: usize,
    pub(super) events: &'static [Event],
    pub(super) changes: &'static [Change],
    /// Where an order must be able to end. Guards against a model in which nothing happens.
    pub(super) ends: &'static [Status],
    pub(super) rules: Rules,
}

impl Shop {
    pub(super) fn has(&self, event: Event) -> bool {
        self.events.contains(&event)
    }

    pub(super) fn holds(&self, rule: Rule) -> bool {
        self.rules.hold(rule)
    }

    /// The orders of this configuration.
    pub(super) fn order_ids(&self) -> impl Iterator<Item = usize> {
        (0..ORDERS).filter(|&order| self.orders[order] != [0; PRODUCTS])
    }
}
