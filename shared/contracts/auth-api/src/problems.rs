//! The refusals of auth.

use platform_problem::ProblemType;

/// An account has the address.
pub const EMAIL_TAKEN: ProblemType = ProblemType {
    code: "email_taken",
    status: 409,
    title: "Email taken",
    about: "There is an account with this address: sign in instead.",
};

/// Wrong password or unknown address.
pub const INVALID_CREDENTIALS: ProblemType = ProblemType {
    code: "invalid_credentials",
    status: 401,
    title: "Email or password wrong",
    about: "The address is not known or the password is another; which of both is not told.",
};

/// A refresh token that never was one, or that expired.
pub const REFRESH_TOKEN_INVALID: ProblemType = ProblemType {
    code: "refresh_token_invalid",
    status: 401,
    title: "Refresh token not accepted",
    about: "The refresh token is unknown, expired or its session was ended: sign in again.",
};

/// A refresh token that was spent before.
pub const REFRESH_TOKEN_REUSED: ProblemType = ProblemType {
    code: "refresh_token_reused",
    status: 401,
    title: "Refresh token used twice",
    about: "The refresh token was spent before. Somebody else may have it, so the whole session was ended: sign in again.",
};

/// All of them, for the documentation.
pub const PROBLEMS: &[&ProblemType] = &[
    &EMAIL_TAKEN,
    &INVALID_CREDENTIALS,
    &REFRESH_TOKEN_INVALID,
    &REFRESH_TOKEN_REUSED,
];
