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

/// A service that is not known by the secret it sent, or may not call the service it named.
pub const CLIENT_REFUSED: ProblemType = ProblemType {
    code: "client_refused",
    status: 401,
    title: "Client not accepted",
    about: "The service is not known by that secret, or may not call that other service; which of these is not told.",
};

/// All of them, for the documentation.
pub const PROBLEMS: &[&ProblemType] = &[
    &CLIENT_REFUSED,
    &EMAIL_TAKEN,
    &INVALID_CREDENTIALS,
    &REFRESH_TOKEN_INVALID,
    &REFRESH_TOKEN_REUSED,
];
