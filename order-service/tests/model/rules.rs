//! The rules of the protocol as switches. A model runs with all of them on, a mutant with one off.

/// One rule of the protocol. Its mutant is what a reasonable programmer might have written without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    // The stock service.
    /// A release that finds no row writes a tombstone. Off: it answers and writes nothing.
    ReleaseLeavesTombstone,
    /// A call that comes after its tombstone is GONE. Off: it takes the lines.
    TombstoneRefuses,
    /// A refused reservation is stored. Off: it is answered and forgotten.
    RefusalIsStored,
    /// A second reserve answers with the row. Off: it holds the lines once more.
    ReserveHoldsOnce,
    /// A line that fails undoes the lines before it. Off: they stay held.
    FailedLineUndoesOthers,
    /// Confirm takes HELD alone. Off: an expired reservation is confirmed too.
    ConfirmRefusesExpired,
    /// A second release gives nothing back. Off: it does.
    ReleaseOnce,
    /// A second return gives nothing back. Off: it does.
    ReturnOnce,
    /// The sweep writes `WHERE state = 'HELD'`. Off: it writes over what was confirmed since it read.
    ExpiryIsConditional,
    /// `sell` asks for `on_hand - reserved >= q`. Off: for `on_hand >= q`.
    SellLeavesHolds,
    /// A second sell answers with the row. Off: it sells again.
    SellOnce,
    /// `sell(only_if_free)` answers HELD to a HELD row with a total. Off: the replay sells it.
    FreeReplayHolds,
    /// A line keeps the price it was held at. Off: every answer takes the catalogue's.
    LineKeepsPrice,
    /// A line keeps whether it was counted. Off: confirm, release, expiry and return ask the stock row.
    LineKeepsCounted,
    /// What is held of a deleted product is still confirmed and given back. Off: its stock row is passed over.
    DeletedIsStillSold,
    /// The admin's `stock += d` leaves what is reserved. Off: it only stays above zero.
    AdminLeavesHolds,
    /// The admin's `stock = n` is `on_hand = n + reserved`. Off: `on_hand = n`.
    SetIsOnTopOfHolds,
    // The order.
    /// Every arrow is conditional on the version. Off: the last writer wins.
    CompareAndSet,
    /// No answer is no answer. Off: it counts as a refusal, or as done where there is nothing to refuse.
    UnknownIsNoAnswer,
    /// A confirm that answers GONE does not confirm. Off: only the call's success is looked at.
    GoneIsNotSold,
    /// ALREADY_SOLD rolls an order forward. Off: it counts as released.
    AlreadySoldRollsForward,
    /// ALREADY_SOLD answers with the stored lines, since the row may not have its total yet. Off: it is bare.
    AlreadySoldTellsLines,
    /// The roll forward of an order with `cancel_requested` goes to REFUNDING. Off: to CONFIRMED.
    RollForwardKeepsPromise,
    /// A cancel writes `cancel_requested`. Off: it only changes the state.
    CancelIsWritten,
    /// A deadline leads to CANCELLING. Off: straight to CANCELLED, without asking the stock service.
    DeadlineReleasesFirst,
    /// REFUNDING returns the stock. Off: it only pays back.
    RefundingReturns,
    /// CONFIRMED orders are driven on. Off: the recovery job looks at PENDING, CANCELLING and REFUNDING only.
    ConfirmedIsDriven,
    /// `order.confirmed` goes with the first CONFIRMED or PAID. Off: with each.
    ConfirmedIsToldOnce,
    /// A capture that was definitely refused leads to REFUNDING. Off: to CANCELLED.
    RefusedCaptureReturns,
    /// One row for a user and key. Off: a second request inserts its own.
    KeyIsUnique,
    /// The client hears of an order when its row is committed. Off: before.
    HeardAfterCommit,
    // The money.
    /// Confirm is called once the payment is authorised. Off: at once.
    AuthoriseFirst,
    /// SOLD says nothing about money. Off: a sold order is PAID.
    SoldIsNotPaid,
    /// Void follows the definite answer of release. Off: it comes before it.
    VoidAfterRelease,
    /// The provider remembers a void of a payment it never heard of. Off: a later authorise succeeds.
    VoidIsFinal,
    /// CANCELLED follows the void. Off: it follows the release.
    CancelVoids,
    /// A created payment's id is committed before it is authorised. Off: it is committed with CONFIRMED.
    IdBeforeAuthorise,
    /// REFUNDING voids before it believes that nothing was captured. Off: a refund that finds nothing ends it.
    NothingCapturedEndsNothing,
    /// A void that answers CAPTURED is followed by a refund. Off: it counts as voided.
    CapturedIsRefunded,
    /// A payment is asked for by its id before a call is repeated. Off: the call is repeated.
    AskBeforeRepeating,
    /// The provider is the row's. Off: the one the settings name now.
    ProviderIsFixed,
}

/// The switches: all on, or one off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    off: Option<Rule>,
}

impl Rules {
    pub(super) const ALL: Rules = Rules { off: None };

    pub(super) fn without(rule: Rule) -> Rules {
        Rules { off: Some(rule) }
    }

    pub(super) fn hold(self, rule: Rule) -> bool {
        self.off != Some(rule)
    }
}
