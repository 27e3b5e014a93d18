//! The order row and `advance`: what a worker does next, from the row it read and the answers it got.

use super::message::{Answer, PaymentState, Request};
use super::rules::Rule;
use super::shop::{Event, Shop};

/// Who is paid. `Hold` answers every payment call by itself and takes no money; `PaidByKey` finds a payment by the
/// order's id and remembers a void for it; `PaidById` does not, so a payment is created and its id committed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Provider {
    None,
    Hold,
    PaidByKey,
    PaidById,
}

impl Provider {
    pub(super) fn takes_money(self) -> bool {
        matches!(self, Provider::PaidByKey | Provider::PaidById)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Status {
    Pending,
    Cancelling,
    Confirmed,
    Paid,
    Refunding,
    Refunded,
    Rejected,
    Cancelled,
}

/// The `orders` row, as far as the protocol reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) status: Status,
    pub(super) version: u8,
    pub(super) cancel_requested: bool,
    /// `confirmed_at` is set.
    pub(super) confirmed: bool,
    pub(super) provider: Provider,
    pub(super) payment: Option<u8>,
    pub(super) total: Option<u8>,
}

/// One arrow: the columns it sets besides the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Write {
    pub(super) to: Status,
    pub(super) total: Option<u8>,
    pub(super) payment: Option<u8>,
}

/// What a worker does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Call(Request),
    Write(Write),
    /// Nothing now: the order is at rest, or the answer decides nothing.
    Stop,
}

/// What drives a row: the shop's rules, the provider, and whether the worker is of an older version.
#[derive(Clone, Copy)]
pub(super) struct Driver<'a> {
    pub(super) shop: &'a Shop,
    pub(super) provider: Provider,
    pub(super) old_version: bool,
}

impl Row {
    pub(super) fn placed(provider: Provider) -> Row {
        Row {
            status: Status::Pending,
            version: 1,
            cancel_requested: false,
            confirmed: false,
            provider,
            payment: None,
            total: None,
        }
    }
}

impl Driver<'_> {
    /// The first step after reading the row.
    pub(super) fn start(&self, row: &Row, past_deadline: bool) -> Step {
        match row.status {
            Status::Pending if past_deadline && !self.holds(Rule::DeadlineReleasesFirst) => to(Status::Cancelled),
            Status::Pending if past_deadline => to(Status::Cancelling),
            Status::Pending => match row.payment {
                Some(id) => self.ask_or(id, authorise(row, id)),
                None => Step::Call(self.first_call()),
            },
            Status::Cancelling if !self.holds(Rule::VoidAfterRelease) && self.payment_of(row).is_some() => {
                self.void_or(row, Status::Cancelled)
            }
            Status::Cancelling => Step::Call(Request::Release),
            Status::Confirmed if !self.holds(Rule::ConfirmedIsDriven) => Step::Stop,
            Status::Confirmed => match self.payment_of(row) {
                Some(id) if row.total != Some(0) => self.ask_or(id, Step::Call(Request::Capture { id })),
                _ => to(Status::Paid),
            },
            Status::Refunding if !self.holds(Rule::RefundingReturns) => self.pay_back(row),
            Status::Refunding => Step::Call(Request::Return),
            Status::Paid | Status::Refunded | Status::Rejected | Status::Cancelled => Step::Stop,
        }
    }

    /// The next step after an answer to `request`.
    pub(super) fn next(&self, row: &Row, request: Request, answer: Answer) -> Step {
        match row.status {
            Status::Pending => self.next_pending(row, request, answer),
            Status::Cancelling => self.next_cancelling(row, request, answer),
            Status::Confirmed => self.next_confirmed(request, answer),
            Status::Refunding => self.next_refunding(row, request, answer),
            Status::Paid | Status::Refunded | Status::Rejected | Status::Cancelled => Step::Stop,
        }
    }

    /// The step after no answer: none. Without the rule, whatever would end the order soonest.
    pub(super) fn unknown(&self, row: &Row) -> Step {
        if self.holds(Rule::UnknownIsNoAnswer) {
            return Step::Stop;
        }
        match row.status {
            Status::Pending => to(Status::Rejected),
            Status::Cancelling => to(Status::Cancelled),
            Status::Refunding => to(Status::Refunded),
            _ => Step::Stop,
        }
    }

    fn next_pending(&self, row: &Row, request: Request, answer: Answer) -> Step {
        match answer {
            Answer::Held { total } => self.pay_then_confirm(total),
            Answer::Sold { total } => self.sold(row, request, total),
            Answer::Rejected => to(Status::Rejected),
            Answer::Gone if !self.holds(Rule::GoneIsNotSold) && request == Request::Confirm => {
                self.sold(row, request, row.total.unwrap_or(0))
            }
            Answer::Gone | Answer::Declined => to(Status::Cancelling),
            Answer::Created { id } => match request {
                Request::Create { amount } if self.holds(Rule::IdBeforeAuthorise) => Step::Write(Write {
                    to: Status::Pending,
                    total: Some(amount),
                    payment: Some(id),
                }),
                Request::Create { amount } => Step::Call(Request::Authorise { id, amount }),
                _ => Step::Stop,
            },
            Answer::Authorised => Step::Call(Request::Confirm),
            Answer::Found(state) => match (state, row.payment) {
                (PaymentState::Created, Some(id)) => authorise(row, id),
                (PaymentState::Authorised | PaymentState::Captured, _) => Step::Call(Request::Confirm),
                _ => to(Status::Cancelling),
            },
            _ => Step::Stop,
        }
    }

    fn next_cancelling(&self, row: &Row, request: Request, answer: Answer) -> Step {
        match answer {
            Answer::AlreadySold { total } if self.holds(Rule::AlreadySoldRollsForward) => {
                let cancelled = row.cancel_requested && self.holds(Rule::RollForwardKeepsPromise);
                let forward = if cancelled {
                    with_total(Status::Refunding, total)
                } else {
                    self.sold(row, request, total)
                };
                match forward {
                    Step::Write(write) if !self.holds(Rule::AlreadySoldTellsLines) => to(write.to),
                    told => told,
                }
            }
            Answer::Released | Answer::AlreadySold { .. } => {
                let voided_before = !self.holds(Rule::VoidAfterRelease);
                if voided_before || !self.holds(Rule::CancelVoids) {
                    return to(Status::Cancelled);
                }
                self.void_or(row, Status::Cancelled)
            }
            Answer::Found(PaymentState::Voided) | Answer::Voided => self.after_void(),
            Answer::Found(_) => self
                .payment_of(row)
                .map_or(Step::Stop, |id| Step::Call(Request::Void { id })),
            _ => Step::Stop,
        }
    }

    fn after_void(&self) -> Step {
        if self.holds(Rule::VoidAfterRelease) {
            to(Status::Cancelled)
        } else {
            Step::Call(Request::Release)
        }
    }

    fn next_confirmed(&self, request: Request, answer: Answer) -> Step {
        match (request, answer) {
            (_, Answer::Captured | Answer::Found(PaymentState::Captured)) => to(Status::Paid),
            (Request::Ask { id }, Answer::Found(PaymentState::Authorised)) => Step::Call(Request::Capture { id }),
            (_, Answer::CaptureRefused) if !self.holds(Rule::RefusedCaptureReturns) => to(Status::Cancelled),
            (_, Answer::CaptureRefused | Answer::Found(_)) => to(Status::Refunding),
            _ => Step::Stop,
        }
    }

    fn next_refunding(&self, row: &Row, request: Request, answer: Answer) -> Step {
        match answer {
            Answer::Returned => self.pay_back(row),
            Answer::Voided | Answer::Refunded | Answer::Found(PaymentState::Voided | PaymentState::Refunded) => {
                to(Status::Refunded)
            }
            Answer::NothingCaptured if !self.holds(Rule::NothingCapturedEndsNothing) => to(Status::Refunded),
            Answer::Captured | Answer::Found(PaymentState::Captured) => match (self.payment_of(row), request) {
                (Some(_), Request::Void { .. }) if !self.holds(Rule::CapturedIsRefunded) => to(Status::Refunded),
                (Some(id), _) => Step::Call(Request::Refund { id }),
                (None, _) => Step::Stop,
            },
            Answer::Found(_) => self
                .payment_of(row)
                .map_or(Step::Stop, |id| Step::Call(Request::Void { id })),
            _ => Step::Stop,
        }
    }

    fn first_call(&self) -> Request {
        match self.provider {
            Provider::None if self.old_version => Request::Reserve,
            Provider::None => Request::Sell,
            _ if self.shop.has(Event::SellIfFree) && !self.old_version => Request::SellIfFree,
            _ => Request::Reserve,
        }
    }

    fn pay_then_confirm(&self, total: u8) -> Step {
        if total == 0 || !self.holds(Rule::AuthoriseFirst) {
            return Step::Call(Request::Confirm);
        }
        match self.provider {
            Provider::None | Provider::Hold => Step::Call(Request::Confirm),
            Provider::PaidByKey => Step::Call(Request::Authorise { id: 0, amount: total }),
            Provider::PaidById => Step::Call(Request::Create { amount: total }),
        }
    }

    /// The stock service says SOLD. That says nothing about money.
    fn sold(&self, row: &Row, request: Request, total: u8) -> Step {
        let nothing_to_pay = total == 0 && row.status == Status::Pending;
        if self.provider == Provider::None || nothing_to_pay || !self.holds(Rule::SoldIsNotPaid) {
            return with_total(Status::Paid, total);
        }
        // Without its own rule the id is committed here, by whoever created the payment.
        let created_here = self.provider == Provider::PaidById && row.payment.is_none() && request == Request::Confirm;
        let payment = (created_here && !self.holds(Rule::IdBeforeAuthorise)).then_some(0);
        Step::Write(Write {
            to: Status::Confirmed,
            total: Some(total),
            payment,
        })
    }

    fn pay_back(&self, row: &Row) -> Step {
        if row.total == Some(0) {
            return to(Status::Refunded);
        }
        match self.payment_of(row) {
            Some(id) if !self.holds(Rule::NothingCapturedEndsNothing) => Step::Call(Request::Refund { id }),
            _ => self.void_or(row, Status::Refunded),
        }
    }

    fn void_or(&self, row: &Row, end: Status) -> Step {
        match self.payment_of(row) {
            Some(id) => self.ask_or(id, Step::Call(Request::Void { id })),
            None => to(end),
        }
    }

    /// Asks for a payment by its id first, where the provider may replay an old error to the call itself.
    fn ask_or(&self, id: u8, step: Step) -> Step {
        if self.provider == Provider::PaidById && self.holds(Rule::AskBeforeRepeating) {
            return Step::Call(Request::Ask { id });
        }
        step
    }

    /// The payment that an order's calls go to, if it can have one.
    fn payment_of(&self, row: &Row) -> Option<u8> {
        match self.provider {
            Provider::None | Provider::Hold => None,
            Provider::PaidByKey => Some(0),
            Provider::PaidById => row.payment,
        }
    }

    fn holds(&self, rule: Rule) -> bool {
        self.shop.holds(rule)
    }
}

fn authorise(row: &Row, id: u8) -> Step {
    Step::Call(Request::Authorise {
        id,
        amount: row.total.unwrap_or(0),
    })
}

fn to(status: Status) -> Step {
    Step::Write(Write {
        to: status,
        total: None,
        payment: None,
    })
}

fn with_total(status: Status, total: u8) -> Step {
    Step::Write(Write {
        to: status,
        total: Some(total),
        payment: None,
    })
}
