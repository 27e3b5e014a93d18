//! Who is asked for money, and what they may answer.
//!
//! An order keeps the name of its provider from the moment it is placed and is driven by it to its end, whatever the
//! settings say later. `none` asks nobody. [`Hold`] authorises and captures without taking anything: it shows how an
//! order with a payment moves, and tests exercise reservations with it.
//!
//! To add a provider: a file here that implements [`PaymentProvider`], and its line where [`Providers`] is made.

mod hold;

use std::sync::Arc;

use async_trait::async_trait;
use values::{Money, OrderId};

pub use hold::{Hold, Payment};

/// Takes money for orders. Each method is idempotent by order id. An `Ok` is definite, any `Err` means that nobody knows.
#[async_trait]
pub trait PaymentProvider: Send + Sync + 'static {
    /// The name in the order's row.
    fn name(&self) -> &'static str;

    /// Promises an amount. Refused for good once the order was voided.
    async fn authorise(&self, order_id: OrderId, amount: Money) -> Result<Authorised, PaymentError>;

    /// Takes what was promised.
    async fn capture(&self, order_id: OrderId) -> Result<Captured, PaymentError>;

    /// Takes the promise back, and makes sure that none can be made later.
    async fn void(&self, order_id: OrderId) -> Result<Voided, PaymentError>;

    /// Gives back what was taken.
    async fn refund(&self, order_id: OrderId) -> Result<Refunded, PaymentError>;
}

/// The answer to `authorise`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorised {
    /// Promised.
    Authorised,
    /// Refused for good.
    Declined,
}

/// The answer to `capture`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Captured {
    /// Taken, now or before.
    Captured,
    /// Refused for good: nothing was promised, or not any more.
    Refused,
}

/// The answer to `void`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voided {
    /// There is no promise and never will be.
    Voided,
    /// Too late: it was taken, and may have been given back since; `refund` tells.
    Captured,
}

/// The answer to `refund`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refunded {
    /// Given back, now or before.
    Refunded,
    /// Nothing was taken yet.
    NothingCaptured,
}

/// Nobody knows whether it happened; ask again.
#[derive(Debug, thiserror::Error)]
#[error("the payment provider gave no definite answer")]
pub struct PaymentError(#[source] pub Option<Box<dyn std::error::Error + Send + Sync>>);

/// The name of the provider that asks nobody.
pub const NONE: &str = "none";

/// The providers that orders may name, and the one that new orders get.
#[derive(Clone)]
pub struct Providers {
    chosen: &'static str,
    known: Vec<Arc<dyn PaymentProvider>>,
}

impl Providers {
    /// A shop without payments.
    pub fn none() -> Self {
        Self {
            chosen: NONE,
            known: Vec::new(),
        }
    }

    /// A shop whose new orders are paid with a provider. Older orders without one are driven on.
    pub fn paying_with(provider: Arc<dyn PaymentProvider>) -> Self {
        Self {
            chosen: provider.name(),
            known: vec![provider],
        }
    }

    /// The name for a new order.
    pub fn chosen(&self) -> &'static str {
        self.chosen
    }

    /// The provider of an order: none for the one that asks nobody.
    pub fn find(&self, name: &str) -> Result<Option<&Arc<dyn PaymentProvider>>, UnknownProvider> {
        if name == NONE {
            return Ok(None);
        }
        let found = self.known.iter().find(|provider| provider.name() == name);
        found.map(Some).ok_or_else(|| UnknownProvider(name.to_owned()))
    }
}

/// An order names a provider that this process does not have.
#[derive(Debug, thiserror::Error)]
#[error("there is no payment provider {0:?} here")]
pub struct UnknownProvider(String);
