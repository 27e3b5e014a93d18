//! Registration.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use platform_problem::{Faults, Problem};
use platform_runtime::extract::Json;
use platform_runtime::policy;
use serde::Deserialize;
use utoipa::ToSchema;
use values::{Email, PersonName};

use super::BODY_LIMIT;
use super::answer::{SignedInBody, attempted, tokens};
use super::origin::Origin;
use crate::password::Password;
use crate::service::{AuthService, Registration};

/// Who wants an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterBody {
    /// The address to sign in with.
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// 12 to 128 characters.
    #[schema(format = Password, min_length = 12, max_length = 128)]
    password: String,
    /// What you want to be called.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

/// Makes an account and signs in
///
/// Repeated with the same password within 10 minutes it signs in again: the answer to the first one may have been lost.
#[utoipa::path(post, path = "/api/auth/register", tag = "auth", request_body = RegisterBody,
    responses(
        (status = 201, body = SignedInBody),
        (status = 409, description = "`email_taken`"),
        (status = 429, description = "`rate_limited`"),
    ),
    extensions(("x-stoa" = json!(policy::public().body_limit(BODY_LIMIT).never_retried()))))]
pub(super) async fn register(
    State(service): State<AuthService>,
    origin: Origin,
    Json(body): Json<RegisterBody>,
) -> Result<Response, Problem> {
    let mut faults = Faults::default();
    let email = faults.take("/email", Email::try_from(body.email));
    let password = faults.take("/password", Password::chosen(body.password));
    let name = faults.take("/name", PersonName::try_from(body.name));
    let (Some(email), Some(password), Some(name)) = (email, password, name) else {
        return Err(faults.into_problem());
    };
    let registration = Registration { email, password, name };
    let answer = service.register(&registration, origin.0).await;
    Ok(attempted(answer, |signed_in| {
        tokens(StatusCode::CREATED, SignedInBody::from(signed_in))
    }))
}
