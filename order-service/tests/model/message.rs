//! What goes over the wire: the calls of the stock and payment contracts, and their definite answers.
//! No answer at all (a time-out, a 500, a lost reply) is not an [`Answer`]: it is the action `Unknown`.

/// A call about one order. The order's id is its idempotency key, so the order itself is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Request {
    Reserve,
    Confirm,
    Release,
    Return,
    Sell,
    SellIfFree,
    Create { amount: u8 },
    Ask { id: u8 },
    Authorise { id: u8, amount: u8 },
    Capture { id: u8 },
    Void { id: u8 },
    Refund { id: u8 },
}

impl Request {
    /// Every call that can change something, in the order of [`Request::bit`]; amounts are 1 or 2, payment ids 0 or 1.
    pub(super) const ALL: [Request; 18] = [
        Request::Reserve,
        Request::Confirm,
        Request::Release,
        Request::Return,
        Request::Sell,
        Request::SellIfFree,
        Request::Create { amount: 1 },
        Request::Create { amount: 2 },
        Request::Authorise { id: 0, amount: 1 },
        Request::Authorise { id: 0, amount: 2 },
        Request::Authorise { id: 1, amount: 1 },
        Request::Authorise { id: 1, amount: 2 },
        Request::Capture { id: 0 },
        Request::Capture { id: 1 },
        Request::Void { id: 0 },
        Request::Void { id: 1 },
        Request::Refund { id: 0 },
        Request::Refund { id: 1 },
    ];

    /// The place of a call in [`Request::ALL`]. Asking changes nothing, so it has none.
    fn bit(self) -> Option<u8> {
        Some(match self {
            Request::Reserve => 0,
            Request::Confirm => 1,
            Request::Release => 2,
            Request::Return => 3,
            Request::Sell => 4,
            Request::SellIfFree => 5,
            Request::Create { amount } => 5 + amount,
            Request::Authorise { id, amount } => 7 + 2 * id + amount,
            Request::Capture { id } => 12 + id,
            Request::Void { id } => 14 + id,
            Request::Refund { id } => 16 + id,
            Request::Ask { .. } => return None,
        })
    }
}

/// What was ever sent for an order. Nothing leaves it: any of it may arrive, late, twice, or never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Sent(u32);

impl Sent {
    pub(super) fn add(&mut self, request: Request) {
        if let Some(bit) = request.bit() {
            self.0 |= 1 << bit;
        }
    }

    pub(super) fn requests(self) -> impl Iterator<Item = Request> {
        Request::ALL
            .into_iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, request)| request)
    }
}

/// A definite answer, of the stock service or of the provider. `total` is what the stored lines add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Answer {
    Held { total: u8 },
    Sold { total: u8 },
    Rejected,
    Gone,
    Released,
    AlreadySold { total: u8 },
    Returned,
    NotSold,
    Created { id: u8 },
    Found(PaymentState),
    Authorised,
    Declined,
    Captured,
    CaptureRefused,
    Voided,
    Refunded,
    NothingCaptured,
}

/// Where a payment stands at the provider. `Absent`: it never heard of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum PaymentState {
    #[default]
    Absent,
    Created,
    Authorised,
    Declined,
    Captured,
    Voided,
    Refunded,
}
