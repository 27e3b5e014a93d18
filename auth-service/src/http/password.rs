//! Another password.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use platform_problem::{Faults, Problem, codes};
use platform_runtime::extract::{Caller, Json};
use platform_runtime::policy;
use serde::Deserialize;
use utoipa::ToSchema;

use super::BODY_LIMIT;
use super::answer::attempted;
use crate::password::Password;
use crate::service::AuthService;

/// The password that is, and the one that shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordBody {
    /// The password that the account has; none is longer.
    #[schema(format = Password, max_length = 128)]
    current_password: String,
    /// The one it shall have: 12 to 128 characters.
    #[schema(format = Password, min_length = 12, max_length = 128)]
    new_password: String,
}

/// Changes one's own password
///
/// Every other session of the account ends.
#[utoipa::path(put, path = "/api/auth/password", tag = "auth", request_body = PasswordBody,
    responses(
        (status = 204, description = "Changed"),
        (status = 401, description = "`invalid_credentials`: the current password is another"),
        (status = 429, description = "`rate_limited`"),
    ),
    extensions(("x-stoa" = json!(policy::signed_in().body_limit(BODY_LIMIT).never_retried()))))]
pub(super) async fn change_password(
    State(service): State<AuthService>,
    caller: Caller,
    Json(body): Json<PasswordBody>,
) -> Result<Response, Problem> {
    let account = caller.user_id().ok_or_else(|| Problem::new(&codes::FORBIDDEN))?;
    let mut faults = Faults::default();
    let Some(new) = faults.take("/new_password", Password::chosen(body.new_password)) else {
        return Err(faults.into_problem());
    };
    let current = Password::presented(body.current_password);
    let answer = service.change_password(account, caller.session, &current, &new).await;
    Ok(attempted(answer, |()| StatusCode::NO_CONTENT.into_response()))
}
