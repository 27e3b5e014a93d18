//! A provider that promises and captures like a real one and takes nothing.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use values::{Money, OrderId};

use super::{Authorised, Captured, PaymentError, PaymentProvider, Refunded, Voided};

/// Takes no money and answers every call by itself. Knows an order's payment by the order's id, so a void is final.
///
/// Its books are in memory and forget with the process: for tests and for trying out, not for a shop.
#[derive(Debug, Default)]
pub struct Hold {
    payments: Mutex<HashMap<OrderId, Payment>>,
    declines_above: Option<i64>,
}

/// What stands in the books for one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payment {
    /// Promised.
    Authorised(Money),
    /// Taken.
    Captured(Money),
    /// Never to be promised (again).
    Voided,
    /// Taken and given back.
    Refunded(Money),
}

impl Hold {
    /// Declines every amount above a limit, in minor units.
    pub fn declining_above(limit: i64) -> Self {
        Self {
            declines_above: Some(limit),
            ..Self::default()
        }
    }

    /// What stands in the books for an order.
    pub fn payment(&self, order_id: OrderId) -> Option<Payment> {
        self.payments().get(&order_id).copied()
    }

    fn payments(&self) -> MutexGuard<'_, HashMap<OrderId, Payment>> {
        self.payments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl PaymentProvider for Hold {
    fn name(&self) -> &'static str {
        "hold"
    }

    async fn authorise(&self, order_id: OrderId, amount: Money) -> Result<Authorised, PaymentError> {
        let mut payments = self.payments();
        let is_too_much = self.declines_above.is_some_and(|limit| amount.amount() > limit);
        match payments.get(&order_id) {
            None if is_too_much => Ok(Authorised::Declined),
            None => {
                payments.insert(order_id, Payment::Authorised(amount));
                Ok(Authorised::Authorised)
            }
            Some(Payment::Authorised(_) | Payment::Captured(_)) => Ok(Authorised::Authorised),
            Some(Payment::Voided | Payment::Refunded(_)) => Ok(Authorised::Declined),
        }
    }

    async fn capture(&self, order_id: OrderId) -> Result<Captured, PaymentError> {
        let mut payments = self.payments();
        match payments.get(&order_id).copied() {
            Some(Payment::Authorised(amount)) => {
                payments.insert(order_id, Payment::Captured(amount));
                Ok(Captured::Captured)
            }
            Some(Payment::Captured(_)) => Ok(Captured::Captured),
            None | Some(Payment::Voided | Payment::Refunded(_)) => Ok(Captured::Refused),
        }
    }

    async fn void(&self, order_id: OrderId) -> Result<Voided, PaymentError> {
        let mut payments = self.payments();
        match payments.get(&order_id) {
            Some(Payment::Captured(_) | Payment::Refunded(_)) => Ok(Voided::Captured),
            None | Some(Payment::Authorised(_) | Payment::Voided) => {
                payments.insert(order_id, Payment::Voided);
                Ok(Voided::Voided)
            }
        }
    }

    async fn refund(&self, order_id: OrderId) -> Result<Refunded, PaymentError> {
        let mut payments = self.payments();
        match payments.get(&order_id).copied() {
            Some(Payment::Captured(amount)) => {
                payments.insert(order_id, Payment::Refunded(amount));
                Ok(Refunded::Refunded)
            }
            Some(Payment::Refunded(_)) => Ok(Refunded::Refunded),
            None | Some(Payment::Authorised(_) | Payment::Voided) => Ok(Refunded::NothingCaptured),
        }
    }
}
