//! The refusals of orders. Those about goods stand with the stock contract.

use platform_problem::ProblemType;

/// The payment was refused.
pub const PAYMENT_DECLINED: ProblemType = ProblemType {
    code: "payment_declined",
    status: 402,
    title: "Payment declined",
    about: "The payment was refused and the order is cancelled. A new try needs a new Idempotency-Key.",
};

/// The order ended before it was ever confirmed.
pub const ORDER_CANCELLED: ProblemType = ProblemType {
    code: "order_cancelled",
    status: 409,
    title: "Order cancelled",
    about: "The order of this key was cancelled before it was confirmed. A new try needs a new Idempotency-Key.",
};

/// A cancel that comes too late or never could.
pub const NOT_CANCELLABLE: ProblemType = ProblemType {
    code: "not_cancellable",
    status: 409,
    title: "Not cancellable",
    about: "A rejected or fulfilled order cannot be cancelled.",
};

/// All of them, for the documentation.
pub const PROBLEMS: &[&ProblemType] = &[&PAYMENT_DECLINED, &ORDER_CANCELLED, &NOT_CANCELLABLE];
