//! Signing in.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use platform_problem::{Faults, Problem};
use platform_runtime::extract::Json;
use platform_runtime::policy;
use serde::Deserialize;
use utoipa::ToSchema;
use values::Email;

use super::BODY_LIMIT;
use super::answer::{SignedInBody, attempted, tokens};
use super::origin::Origin;
use crate::password::Password;
use crate::service::AuthService;

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginBody {
    /// The address of the account.
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// Its password; none is longer.
    #[schema(format = Password, max_length = 128)]
    password: String,
}

/// Signs in
#[utoipa::path(post, path = "/api/auth/login", tag = "auth", request_body = LoginBody,
    responses(
        (status = 200, body = SignedInBody),
        (status = 401, description = "`invalid_credentials`: the same for an unknown address"),
        (status = 429, description = "`rate_limited`"),
    ),
    extensions(("x-stoa" = json!(policy::public().body_limit(BODY_LIMIT).never_retried()))))]
pub(super) async fn login(
    State(service): State<AuthService>,
    origin: Origin,
    Json(body): Json<LoginBody>,
) -> Result<Response, Problem> {
    let mut faults = Faults::default();
    let Some(email) = faults.take("/email", Email::try_from(body.email)) else {
        return Err(faults.into_problem());
    };
    let password = Password::presented(body.password);
    let answer = service.login(&email, &password, origin.0).await;
    Ok(attempted(answer, |signed_in| {
        tokens(StatusCode::OK, SignedInBody::from(signed_in))
    }))
}
