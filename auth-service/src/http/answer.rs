//! What the routes of auth answer.

use auth_api::{EMAIL_TAKEN, INVALID_CREDENTIALS, REFRESH_TOKEN_INVALID, REFRESH_TOKEN_REUSED};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use platform_problem::{Problem, codes};
use platform_runtime::extract::Json;
use serde::Serialize;
use user_api::User;
use utoipa::ToSchema;

use crate::service::{Attempted, AuthError, Grant, SignedIn};
use crate::throttle::{Refused, Standing};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Who signed in, and the tokens of the new session.
#[derive(Serialize, ToSchema)]
pub(super) struct SignedInBody {
    /// Who.
    user: User,
    /// A JWT (RFC 9068), for `Authorization: Bearer`.
    access_token: String,
    /// Opaque; gets the next pair, once.
    refresh_token: String,
    /// `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds for which the access token is good.
    #[schema(example = 900)]
    expires_in: u64,
}

/// A new pair of tokens.
#[derive(Serialize, ToSchema)]
pub(super) struct TokensBody {
    /// A JWT (RFC 9068), for `Authorization: Bearer`.
    access_token: String,
    /// Opaque; gets the next pair, once.
    refresh_token: String,
    /// `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds for which the access token is good.
    #[schema(example = 900)]
    expires_in: u64,
}

impl From<Grant> for TokensBody {
    fn from(grant: Grant) -> Self {
        Self {
            access_token: grant.access_token,
            refresh_token: grant.refresh_token.to_text(),
            token_type: "Bearer",
            expires_in: grant.expires_in.as_secs(),
        }
    }
}

impl From<SignedIn> for SignedInBody {
    fn from(signed_in: SignedIn) -> Self {
        let tokens = TokensBody::from(signed_in.grant);
        Self {
            user: signed_in.user,
            access_token: tokens.access_token,
            refresh_token: tokens.refresh_token,
            token_type: tokens.token_type,
            expires_in: tokens.expires_in,
        }
    }
}

/// Tokens are for who asked, and for no cache on the way (RFC 6749, 5.1).
pub(super) fn tokens<T: Serialize>(status: StatusCode, body: T) -> Response {
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, no_store, Json(body)).into_response()
}

/// The answer to an attempt, with how many more there may be.
pub(super) fn attempted<T>(attempted: Attempted<T>, answer: impl FnOnce(T) -> Response) -> Response {
    let mut response = match attempted.outcome {
        Ok(value) => answer(value),
        Err(error) => Problem::from(error).into_response(),
    };
    if let Some(standing) = attempted.standing {
        write(standing, response.headers_mut());
    }
    response
}

/// draft-ietf-httpapi-ratelimit-headers-11.
fn write(standing: Standing, headers: &mut HeaderMap) {
    let Standing {
        limit,
        remaining,
        full_after,
    } = standing;
    let policy = format!("\"{}\";q={};w={}", limit.name, limit.quota, limit.window.as_secs());
    let limit = format!("\"{}\";r={remaining};t={}", limit.name, full_after.as_secs_f64().ceil());
    headers.insert(POLICY, HeaderValue::try_from(policy).expect("it is ASCII"));
    headers.insert(LIMIT, HeaderValue::try_from(limit).expect("it is ASCII"));
}

/// The refusal that says when to come again.
pub(super) fn throttled(refused: Refused) -> Problem {
    let seconds = refused.retry_after.as_micros().div_ceil(1_000_000);
    Problem::new(&codes::RATE_LIMITED).retry_after(u64::try_from(seconds).unwrap_or(u64::MAX))
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::EmailTaken => Self::new(&EMAIL_TAKEN),
            AuthError::InvalidCredentials => Self::new(&INVALID_CREDENTIALS),
            AuthError::RefreshTokenInvalid => Self::new(&REFRESH_TOKEN_INVALID),
            AuthError::RefreshTokenReused => Self::new(&REFRESH_TOKEN_REUSED),
            AuthError::Throttled(refused) => throttled(refused),
            AuthError::Busy(_) => Self::new(&codes::UNAVAILABLE)
                .detail("too many sign in at once")
                .retry_after(2),
            AuthError::Unavailable(cause) => {
                tracing::warn!(cause = cause.to_chain(), "accounts cannot be read or written now");
                Self::new(&codes::UNAVAILABLE)
            }
            AuthError::Fault(cause) => {
                tracing::error!(cause = cause.to_chain(), "accounts cannot be read or written");
                Self::new(&codes::INTERNAL)
            }
        }
    }
}
