//! The refusals that every process knows. Those about accounts, goods and orders stand in their contracts.

use crate::ProblemType;

macro_rules! problems {
    ($($name:ident = $code:literal, $status:literal, $title:literal, $about:literal;)*) => {
        $(#[doc = $about] pub const $name: ProblemType =
            ProblemType { code: $code, status: $status, title: $title, about: $about };)*
        /// All of them, for the documentation.
        pub const ALL: &[&ProblemType] = &[$(&$name),*];
    };
}

problems! {
    BAD_REQUEST = "bad_request", 400, "Bad request",
        "The request cannot be read: broken JSON, a broken body, or a path or header that is not well formed.";
    IDEMPOTENCY_KEY_REQUIRED = "idempotency_key_required", 400, "Idempotency key required",
        "The route moves money or goods: send an Idempotency-Key, 1 to 255 visible ASCII characters.";
    IDEMPOTENCY_KEY_INVALID = "idempotency_key_invalid", 400, "Idempotency key invalid",
        "An Idempotency-Key is 1 to 255 visible ASCII characters.";
    UNAUTHENTICATED = "unauthenticated", 401, "Sign in first",
        "The route needs an access token and none was sent.";
    TOKEN_INVALID = "token_invalid", 401, "Access token not accepted",
        "The access token is malformed, expired, revoked or not meant for this shop: refresh it or sign in again.";
    FORBIDDEN = "forbidden", 403, "Not allowed",
        "The account is known, and may not do this.";
    NOT_FOUND = "not_found", 404, "Not found",
        "There is no such thing, or it is not yours.";
    METHOD_NOT_ALLOWED = "method_not_allowed", 405, "Method not allowed",
        "The path exists, the method does not; Allow lists those that do.";
    NOT_ACCEPTABLE = "not_acceptable", 406, "Not acceptable",
        "None of the formats in Accept is offered here.";
    REQUEST_TIMEOUT = "request_timeout", 408, "Request too slow",
        "The body did not arrive in time.";
    PRECONDITION_FAILED = "precondition_failed", 412, "Changed meanwhile",
        "If-Match names an older version: read it again and repeat the change.";
    PAYLOAD_TOO_LARGE = "payload_too_large", 413, "Body too large",
        "The body is larger than the route takes.";
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", 415, "Unsupported media type",
        "The route does not read this Content-Type.";
    INVALID = "invalid", 422, "Invalid request",
        "The request was read and breaks a rule; errors names each field at fault.";
    CURSOR_INVALID = "cursor_invalid", 422, "Cursor unreadable",
        "The cursor is not one that this shop gave out.";
    CURSOR_MISMATCH = "cursor_mismatch", 422, "Cursor of another list",
        "The cursor belongs to other filters or another sort: begin again without it.";
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused", 422, "Idempotency key reused",
        "The key was used for a request of another meaning: one key is one press of the button.";
    RATE_LIMITED = "rate_limited", 429, "Too many requests",
        "The limit is used up; Retry-After says when to come again.";
    INTERNAL = "internal", 500, "Fault of ours",
        "Something broke on our side. The request id finds it in the logs.";
    BAD_GATEWAY = "bad_gateway", 502, "Bad gateway",
        "A service behind the gateway gave no readable answer.";
    UNAVAILABLE = "unavailable", 503, "Not available now",
        "The shop is busy or a part of it is away: try again after Retry-After.";
    GATEWAY_TIMEOUT = "gateway_timeout", 504, "Took too long",
        "The answer did not come in time. A write may have happened: repeat it with the same Idempotency-Key.";
}
