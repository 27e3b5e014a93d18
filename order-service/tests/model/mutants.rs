//! One test per rule: without it, this configuration breaks this invariant. A rule that has no line here does not
//! compile; a line whose configuration cannot tell the difference fails.

use super::check::{RECOVERS, assert_needed};
use super::configurations::{
    admin, free, held, last_unit_held_and_sold, last_unit_sold, not_free, one_key, paid_by_id, paid_by_key,
    provider_changed, sold_at_once, two_products,
};
use super::invariants::{
    CONFIRMED_HAS_MONEY, CONFIRMED_IS_SOLD, ENDED_HAS_NO_MONEY, ENDED_HOLDS_NOTHING, EVENT_ONCE, HOLDS_ADD_UP,
    MONEY_IN_PLACE, NAMED_EXISTS, ONE_ORDER_A_KEY, PAID_IS_CAPTURED, PROMISE_KEPT, RESERVED_FITS, SHELF_ADDS_UP,
    TOTAL_IS_STORED,
};
use super::rules::Rule;

macro_rules! needed {
    ($($test:ident: $rule:ident, $configuration:ident => $invariant:ident;)+) => {
        $(#[test]
        fn $test() {
            println!("{}", assert_needed(&$configuration(), Rule::$rule, $invariant));
        })+

        /// Does not compile while a rule has no test.
        const _: fn(Rule) = |rule| match rule { $(Rule::$rule => {})+ };
    };
}

needed! {
    a_release_without_a_tombstone_lets_a_late_reserve_hold: ReleaseLeavesTombstone, held => ENDED_HOLDS_NOTHING;
    a_tombstone_that_refuses_nothing_lets_a_late_sell_sell: TombstoneRefuses, sold_at_once => ENDED_HOLDS_NOTHING;
    a_refusal_that_is_not_stored_is_taken_back: RefusalIsStored, last_unit_sold => ENDED_HOLDS_NOTHING;
    a_reserve_that_is_repeated_holds_twice: ReserveHoldsOnce, held => HOLDS_ADD_UP;
    a_line_that_is_not_undone_stays_held: FailedLineUndoesOthers, two_products => HOLDS_ADD_UP;
    a_confirm_of_what_expired_sells_what_is_not_held: ConfirmRefusesExpired, held => RESERVED_FITS;
    a_release_that_is_repeated_gives_back_twice: ReleaseOnce, held => HOLDS_ADD_UP;
    a_return_that_is_repeated_gives_back_twice: ReturnOnce, sold_at_once => SHELF_ADDS_UP;
    an_expiry_that_looks_away_takes_back_what_is_sold: ExpiryIsConditional, held => CONFIRMED_IS_SOLD;
    a_sell_that_ignores_holds_sells_what_is_held: SellLeavesHolds, last_unit_held_and_sold => RESERVED_FITS;
    a_sell_that_is_repeated_sells_twice: SellOnce, sold_at_once => SHELF_ADDS_UP;
    a_free_sell_that_is_repeated_sells_what_nobody_paid: FreeReplayHolds, not_free => CONFIRMED_HAS_MONEY;
    a_price_from_the_catalogue_is_not_what_was_sold: LineKeepsPrice, free => TOTAL_IS_STORED;
    a_line_that_forgets_if_it_was_counted_is_given_back_wrong: LineKeepsCounted, admin => HOLDS_ADD_UP;
    a_deleted_product_that_is_passed_over_stays_held: DeletedIsStillSold, admin => HOLDS_ADD_UP;
    an_admin_who_ignores_holds_takes_what_is_held: AdminLeavesHolds, admin => RESERVED_FITS;
    a_set_that_ignores_holds_takes_what_is_held: SetIsOnTopOfHolds, admin => RESERVED_FITS;
    a_write_without_its_version_undoes_another: CompareAndSet, sold_at_once => PROMISE_KEPT;
    an_unknown_answer_taken_as_a_refusal_ends_a_sold_order: UnknownIsNoAnswer, sold_at_once => ENDED_HOLDS_NOTHING;
    a_confirm_that_is_gone_is_no_sale: GoneIsNotSold, held => CONFIRMED_IS_SOLD;
    an_order_already_sold_is_not_cancelled: AlreadySoldRollsForward, sold_at_once => ENDED_HOLDS_NOTHING;
    an_order_rolled_forward_knows_its_total: AlreadySoldTellsLines, sold_at_once => TOTAL_IS_STORED;
    a_roll_forward_that_forgets_the_cancel_breaks_a_promise: RollForwardKeepsPromise, sold_at_once => PROMISE_KEPT;
    a_cancel_that_is_not_written_is_forgotten: CancelIsWritten, sold_at_once => PROMISE_KEPT;
    a_deadline_that_cancels_at_once_leaves_the_stock_sold: DeadlineReleasesFirst, sold_at_once => ENDED_HOLDS_NOTHING;
    a_refund_without_a_return_leaves_the_stock_sold: RefundingReturns, sold_at_once => ENDED_HOLDS_NOTHING;
    a_confirmed_order_that_nobody_drives_is_stuck: ConfirmedIsDriven, paid_by_key => RECOVERS;
    a_confirmation_is_told_once: ConfirmedIsToldOnce, paid_by_key => EVENT_ONCE;
    a_refused_capture_that_only_cancels_leaves_the_stock_sold: RefusedCaptureReturns, paid_by_key => ENDED_HOLDS_NOTHING;
    a_key_that_is_not_unique_makes_two_orders: KeyIsUnique, one_key => ONE_ORDER_A_KEY;
    an_order_named_before_its_commit_may_not_exist: HeardAfterCommit, one_key => NAMED_EXISTS;
    a_confirm_before_the_payment_sells_what_nobody_paid: AuthoriseFirst, paid_by_key => CONFIRMED_HAS_MONEY;
    a_sold_order_is_not_paid: SoldIsNotPaid, paid_by_key => PAID_IS_CAPTURED;
    a_void_before_the_release_confirms_without_money: VoidAfterRelease, paid_by_key => CONFIRMED_HAS_MONEY;
    a_void_that_is_forgotten_lets_a_late_authorise_hold_money: VoidIsFinal, paid_by_key => ENDED_HAS_NO_MONEY;
    a_cancel_without_a_void_holds_money: CancelVoids, paid_by_key => ENDED_HAS_NO_MONEY;
    a_payment_authorised_before_its_id_is_kept_holds_money: IdBeforeAuthorise, paid_by_id => ENDED_HAS_NO_MONEY;
    a_refund_that_found_nothing_meets_a_late_capture: NothingCapturedEndsNothing, paid_by_key => MONEY_IN_PLACE;
    a_void_that_found_a_capture_is_no_refund: CapturedIsRefunded, paid_by_key => ENDED_HAS_NO_MONEY;
    a_call_repeated_without_asking_gets_its_old_error: AskBeforeRepeating, paid_by_id => RECOVERS;
    an_order_driven_by_another_provider_forgets_its_money: ProviderIsFixed, provider_changed => ENDED_HAS_NO_MONEY;
}
