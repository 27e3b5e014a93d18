//! The machine as a table: what is not in it must raise the alarm.

use super::Answer::*;
use super::Call::*;
use super::OrderState::*;
use super::*;

const SOME: i64 = 5;

fn answers() -> Vec<Answer> {
    vec![
        Held { total: SOME },
        Held { total: 0 },
        Sold { total: SOME },
        Sold { total: 0 },
        Gone,
        Refused,
        Answer::Confirmed,
        Released,
        AlreadySold,
        Returned,
        NotSold,
        Authorised,
        Declined,
        Captured,
        CaptureRefused,
        Voided,
        AlreadyCaptured,
        Answer::Refunded,
        NothingCaptured,
    ]
}

fn at(state: OrderState, takes_money: bool) -> Situation {
    Situation {
        state,
        cancel_requested: false,
        takes_money,
        total: None,
        past_deadline: false,
    }
}

/// The total as a worker knows it after an answer.
fn after(at: Situation, answer: Answer) -> Situation {
    match answer {
        Held { total } | Sold { total } => Situation {
            total: Some(total),
            ..at
        },
        _ => Situation {
            total: at.total.or(Some(SOME)),
            ..at
        },
    }
}

fn go(to: OrderState) -> Step {
    Step::Move(to, None)
}

fn because(to: OrderState, reason: Reason) -> Step {
    Step::Move(to, Some(reason))
}

/// Every answer that the table does not name raises the alarm.
fn check(at: Situation, table: &[(Answer, Step)]) {
    for answer in answers() {
        let expected = table
            .iter()
            .find(|(known, _)| *known == answer)
            .map_or(Step::Alarm, |(_, step)| *step);
        assert_eq!(
            decide(after(at, answer), Some(answer)),
            expected,
            "{answer:?} in {at:?}"
        );
    }
}

#[test]
fn the_first_step_of_each_state() {
    let table = [
        (at(Pending, false), Step::Call(Sell(SaleMode::Always))),
        (at(Pending, true), Step::Call(Sell(SaleMode::OnlyIfFree))),
        (at(Cancelling, false), Step::Call(Release)),
        (at(Cancelling, true), Step::Call(Release)),
        (at(OrderState::Confirmed, false), go(Paid)),
        (at(OrderState::Confirmed, true), Step::Call(Capture)),
        (at(Refunding, false), Step::Call(ReturnGoods)),
        (at(Refunding, true), Step::Call(ReturnGoods)),
    ];
    for (situation, expected) in table {
        assert_eq!(decide(situation, None), expected, "{situation:?}");
    }
    let free = Situation {
        total: Some(0),
        ..at(OrderState::Confirmed, true)
    };
    assert_eq!(decide(free, None), go(Paid));
}

#[test]
fn an_order_past_its_deadline_is_called_off_before_anybody_is_asked() {
    for takes_money in [false, true] {
        let late = Situation {
            past_deadline: true,
            ..at(Pending, takes_money)
        };
        assert_eq!(decide(late, None), because(Cancelling, Reason::DeadlinePassed));
        // An answer that is there is used.
        assert_eq!(decide(late, Some(Refused)), go(Rejected));
    }
}

#[test]
fn pending_without_a_provider() {
    check(
        at(Pending, false),
        &[
            (Held { total: SOME }, Step::Call(Confirm)),
            (Held { total: 0 }, Step::Call(Confirm)),
            (Sold { total: SOME }, go(Paid)),
            (Sold { total: 0 }, go(Paid)),
            (Answer::Confirmed, go(Paid)),
            (Authorised, Step::Call(Confirm)),
            (Refused, go(Rejected)),
            (Declined, because(Cancelling, Reason::PaymentDeclined)),
            (Gone, because(Cancelling, Reason::ReservationLost)),
        ],
    );
}

#[test]
fn pending_with_a_provider_sells_only_what_is_authorised_or_free() {
    check(
        at(Pending, true),
        &[
            (Held { total: SOME }, Step::Call(Authorise)),
            (Held { total: 0 }, Step::Call(Confirm)),
            (Authorised, Step::Call(Confirm)),
            (Answer::Confirmed, go(OrderState::Confirmed)),
            (Sold { total: SOME }, go(OrderState::Confirmed)),
            (Sold { total: 0 }, go(Paid)),
            (Refused, go(Rejected)),
            (Declined, because(Cancelling, Reason::PaymentDeclined)),
            (Gone, because(Cancelling, Reason::ReservationLost)),
        ],
    );
}

#[test]
fn cancelling_without_a_provider() {
    let table = [
        (Released, go(Cancelled)),
        (Voided, go(Cancelled)),
        (AlreadySold, Step::Call(ReadSold)),
        (Sold { total: SOME }, go(Paid)),
        (Sold { total: 0 }, go(Paid)),
    ];
    check(at(Cancelling, false), &table);
}

#[test]
fn cancelling_with_a_provider_voids_after_the_release() {
    let table = [
        (Released, Step::Call(Void)),
        (Voided, go(Cancelled)),
        (AlreadySold, Step::Call(ReadSold)),
        (Sold { total: SOME }, go(OrderState::Confirmed)),
        (Sold { total: 0 }, go(OrderState::Confirmed)),
    ];
    check(at(Cancelling, true), &table);
}

#[test]
fn a_cancel_that_was_taken_is_kept_when_the_goods_were_sold() {
    for takes_money in [false, true] {
        let promised = Situation {
            cancel_requested: true,
            ..at(Cancelling, takes_money)
        };
        assert_eq!(decide(promised, Some(AlreadySold)), go(Refunding));
    }
}

#[test]
fn confirmed_waits_for_the_capture() {
    let table = [
        (Captured, go(Paid)),
        (CaptureRefused, because(Refunding, Reason::PaymentDeclined)),
    ];
    check(at(OrderState::Confirmed, true), &table);
}

#[test]
fn refunding_returns_the_goods_then_the_money() {
    let table = [
        (Returned, Step::Call(Void)),
        (Voided, go(OrderState::Refunded)),
        (AlreadyCaptured, Step::Call(Refund)),
        (Answer::Refunded, go(OrderState::Refunded)),
        // The capture may be on its way.
        (NothingCaptured, Step::Wait),
    ];
    check(at(Refunding, true), &table);
    let unpaid = at(Refunding, false);
    assert_eq!(decide(unpaid, Some(Returned)), go(OrderState::Refunded));
    assert_eq!(decide(unpaid, Some(NotSold)), Step::Alarm);
}

#[test]
fn an_order_at_rest_stays_there() {
    for state in [Paid, Fulfilled, OrderState::Refunded, Rejected, Cancelled] {
        assert_eq!(decide(at(state, true), None), Step::Rest);
        for answer in answers() {
            assert_eq!(decide(at(state, false), Some(answer)), Step::Rest);
        }
    }
}
