//! What happens next to an order: the whole state machine, as a pure function.
//!
//! [`decide`] looks at where an order is and at the last definite answer, and says whom to ask or where to go. It does
//! nothing itself, so a table can test it. There is no arm for *unknown*: what is not known decides nothing.

use order_api::OrderState;
use product_api::SaleMode;

use crate::order::Reason;

/// Where an order is, as far as decisions depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// The state in its row.
    pub state: OrderState,
    /// Whether a cancel was taken.
    pub cancel_requested: bool,
    /// Whether its provider authorises and captures; `none` does not.
    pub takes_money: bool,
    /// What it costs in minor units, once stock has said so.
    pub total: Option<i64>,
    /// Whether it should have been decided by now.
    pub past_deadline: bool,
}

/// Somebody to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Stock: sell at once, or hold what must be paid for.
    Sell(SaleMode),
    /// Stock: what was sold, after it said that it is too late to release. The row exists, so this holds nothing.
    ReadSold,
    /// Stock: sell what is held.
    Confirm,
    /// Stock: let go, for good.
    Release,
    /// Stock: put back what was sold.
    ReturnGoods,
    /// Payment: promise the total.
    Authorise,
    /// Payment: take it.
    Capture,
    /// Payment: take back the promise, for good.
    Void,
    /// Payment: give the total back.
    Refund,
}

/// A definite answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The goods are held.
    Held {
        /// What they cost.
        total: i64,
    },
    /// The goods are sold.
    Sold {
        /// What they cost.
        total: i64,
    },
    /// Nothing is held any more, and nothing will be.
    Gone,
    /// The goods cannot be had.
    Refused,
    /// What was held is sold.
    Confirmed,
    /// Nothing is held, and nothing will be.
    Released,
    /// Too late to release.
    AlreadySold,
    /// The goods are back.
    Returned,
    /// There is nothing to put back: a fault of ours.
    NotSold,
    /// The money is promised.
    Authorised,
    /// It never will be.
    Declined,
    /// The money was taken.
    Captured,
    /// It never will be.
    CaptureRefused,
    /// The promise is taken back, or can never be made.
    Voided,
    /// Too late to void: the money was taken.
    AlreadyCaptured,
    /// The money is back.
    Refunded,
    /// There is nothing to give back yet; ends nothing, the capture may be on its way.
    NothingCaptured,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ask, then decide again.
    Call(Call),
    /// Write the new state.
    Move(OrderState, Option<Reason>),
    /// Nothing more: the order is where it stays.
    Rest,
    /// The answer says nothing about the end: try again later.
    Wait,
    /// The answer cannot be, here: a fault of ours. The order stays open, somebody should look.
    Alarm,
}

/// The next step of an order, from its row and the last answer; none before anybody was asked.
pub fn decide(at: Situation, heard: Option<Answer>) -> Step {
    match at.state {
        OrderState::Pending => pending(at, heard),
        OrderState::Cancelling => cancelling(at, heard),
        OrderState::Confirmed => confirmed(at, heard),
        OrderState::Refunding => refunding(at, heard),
        OrderState::Paid
        | OrderState::Fulfilled
        | OrderState::Refunded
        | OrderState::Rejected
        | OrderState::Cancelled => Step::Rest,
    }
}

fn pending(at: Situation, heard: Option<Answer>) -> Step {
    match heard {
        None if at.past_deadline => Step::Move(OrderState::Cancelling, Some(Reason::DeadlinePassed)),
        None if at.takes_money => Step::Call(Call::Sell(SaleMode::OnlyIfFree)),
        None => Step::Call(Call::Sell(SaleMode::Always)),
        Some(Answer::Held { total }) if at.takes_money && total > 0 => Step::Call(Call::Authorise),
        Some(Answer::Held { .. } | Answer::Authorised) => Step::Call(Call::Confirm),
        Some(Answer::Sold { .. } | Answer::Confirmed) if is_free(at) => Step::Move(OrderState::Paid, None),
        // Sold says nothing about money.
        Some(Answer::Sold { .. } | Answer::Confirmed) => Step::Move(OrderState::Confirmed, None),
        Some(Answer::Refused) => Step::Move(OrderState::Rejected, None),
        Some(Answer::Declined) => Step::Move(OrderState::Cancelling, Some(Reason::PaymentDeclined)),
        Some(Answer::Gone) => Step::Move(OrderState::Cancelling, Some(Reason::ReservationLost)),
        Some(_) => Step::Alarm,
    }
}

fn cancelling(at: Situation, heard: Option<Answer>) -> Step {
    match heard {
        None => Step::Call(Call::Release),
        // Only now: as long as the goods may be sold, the payment must stand.
        Some(Answer::Released) if at.takes_money => Step::Call(Call::Void),
        Some(Answer::Released | Answer::Voided) => Step::Move(OrderState::Cancelled, None),
        Some(Answer::AlreadySold) if at.cancel_requested => Step::Move(OrderState::Refunding, None),
        Some(Answer::AlreadySold) => Step::Call(Call::ReadSold),
        Some(Answer::Sold { .. }) if at.takes_money => Step::Move(OrderState::Confirmed, None),
        Some(Answer::Sold { .. }) => Step::Move(OrderState::Paid, None),
        Some(_) => Step::Alarm,
    }
}

fn confirmed(at: Situation, heard: Option<Answer>) -> Step {
    match heard {
        None if is_free(at) => Step::Move(OrderState::Paid, None),
        None => Step::Call(Call::Capture),
        Some(Answer::Captured) => Step::Move(OrderState::Paid, None),
        Some(Answer::CaptureRefused) => Step::Move(OrderState::Refunding, Some(Reason::PaymentDeclined)),
        Some(_) => Step::Alarm,
    }
}

fn refunding(at: Situation, heard: Option<Answer>) -> Step {
    match heard {
        None => Step::Call(Call::ReturnGoods),
        Some(Answer::Returned) if is_free(at) => Step::Move(OrderState::Refunded, None),
        Some(Answer::Returned) => Step::Call(Call::Void),
        Some(Answer::AlreadyCaptured) => Step::Call(Call::Refund),
        Some(Answer::Voided | Answer::Refunded) => Step::Move(OrderState::Refunded, None),
        Some(Answer::NothingCaptured) => Step::Wait,
        Some(_) => Step::Alarm,
    }
}

/// Nobody has to be asked for money.
fn is_free(at: Situation) -> bool {
    !at.takes_money || at.total == Some(0)
}

#[cfg(test)]
mod tests;
