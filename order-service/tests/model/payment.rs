//! The provider: authorise, capture, void and refund, each idempotent, and payments that are created first.

use super::durable::{Durable, Payment};
use super::message::{Answer, PaymentState as State, Request};
use super::rules::Rule;
use super::shop::Shop;

impl Durable {
    /// Runs one call at the provider. `refuse` is the provider's free choice, where it has one.
    pub(super) fn payment_call(&mut self, shop: &Shop, order: usize, request: Request, refuse: bool) -> Answer {
        let payments = &mut self.payments[order];
        match request {
            Request::Create { amount } => create(payments, amount),
            Request::Authorise { id, amount } => payments[usize::from(id)].authorise(amount, refuse),
            Request::Capture { id } => payments[usize::from(id)].capture(refuse),
            Request::Void { id } => payments[usize::from(id)].void(shop),
            Request::Refund { id } => payments[usize::from(id)].refund(),
            Request::Ask { id } => Answer::Found(payments[usize::from(id)].state),
            _ => unreachable!("a stock call"),
        }
    }

    /// Whether the provider may now answer this call with a refusal.
    pub(super) fn may_refuse(&self, order: usize, request: Request) -> bool {
        match request {
            Request::Authorise { id, .. } => {
                matches!(
                    self.payments[order][usize::from(id)].state,
                    State::Absent | State::Created
                )
            }
            Request::Capture { id } => self.payments[order][usize::from(id)].state == State::Authorised,
            _ => false,
        }
    }

    /// From now on this call is answered with a 500, whatever it did.
    pub(super) fn replay_error(&mut self, order: usize, request: Request) {
        if let Some((id, bit)) = key_of(request) {
            self.payments[order][id].replays_error |= bit;
        }
    }

    /// Whether this call is answered with an old 500.
    pub(super) fn replays_error(&self, order: usize, request: Request) -> bool {
        key_of(request).is_some_and(|(id, bit)| self.payments[order][id].replays_error & bit != 0)
    }
}

/// The payment and the bit that stand for a call's idempotency key.
pub(super) fn key_of(request: Request) -> Option<(usize, u8)> {
    match request {
        Request::Authorise { id, .. } => Some((usize::from(id), 1)),
        Request::Capture { id } => Some((usize::from(id), 2)),
        Request::Void { id } => Some((usize::from(id), 4)),
        Request::Refund { id } => Some((usize::from(id), 8)),
        _ => None,
    }
}

/// A provider that forgets keys makes a second payment of a repeated create; none holds money yet.
fn create(payments: &mut [Payment; 2], amount: u8) -> Answer {
    for (id, payment) in (0..).zip(payments) {
        if payment.state == State::Absent {
            *payment = Payment {
                state: State::Created,
                amount,
                replays_error: 0,
            };
            return Answer::Created { id };
        }
    }
    Answer::Created { id: 1 }
}

impl Payment {
    fn authorise(&mut self, amount: u8, refuse: bool) -> Answer {
        match self.state {
            State::Absent | State::Created => {
                self.amount = amount;
                self.state = if refuse { State::Declined } else { State::Authorised };
            }
            State::Authorised | State::Captured | State::Declined | State::Voided | State::Refunded => {}
        }
        match self.state {
            State::Authorised | State::Captured => Answer::Authorised,
            _ => Answer::Declined,
        }
    }

    fn capture(&mut self, refuse: bool) -> Answer {
        match self.state {
            State::Authorised if refuse => Answer::CaptureRefused,
            State::Authorised => {
                self.state = State::Captured;
                Answer::Captured
            }
            State::Captured | State::Refunded => Answer::Captured,
            _ => Answer::CaptureRefused,
        }
    }

    fn void(&mut self, shop: &Shop) -> Answer {
        match self.state {
            State::Captured => return Answer::Captured,
            State::Refunded => return Answer::Refunded,
            State::Absent if !shop.holds(Rule::VoidIsFinal) => {}
            _ => self.state = State::Voided,
        }
        Answer::Voided
    }

    fn refund(&mut self) -> Answer {
        match self.state {
            State::Captured | State::Refunded => {
                self.state = State::Refunded;
                Answer::Refunded
            }
            _ => Answer::NothingCaptured,
        }
    }
}
