//! Signing out.

use axum::extract::State;
use http::StatusCode;
use platform_problem::Problem;
use platform_runtime::extract::Json;
use platform_runtime::policy;

use super::BODY_LIMIT;
use super::refresh::RefreshTokenBody;
use crate::service::AuthService;

/// Signs out
///
/// The session of the token ends, and its access tokens with it. Again, or with anything else, it does nothing.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", request_body = RefreshTokenBody,
    responses((status = 204, description = "Signed out")),
    extensions(("x-stoa" = json!(policy::public().body_limit(BODY_LIMIT).never_retried()))))]
pub(super) async fn logout(
    State(service): State<AuthService>,
    Json(body): Json<RefreshTokenBody>,
) -> Result<StatusCode, Problem> {
    service.logout(&body.refresh_token).await?;
    Ok(StatusCode::NO_CONTENT)
}
