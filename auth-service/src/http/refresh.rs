//! Going on with a session.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use platform_problem::Problem;
use platform_runtime::extract::Json;
use platform_runtime::policy;
use serde::Deserialize;
use utoipa::ToSchema;

use super::BODY_LIMIT;
use super::answer::{TokensBody, tokens};
use super::origin::Origin;
use crate::service::AuthService;

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshTokenBody {
    /// As it was given out last.
    #[schema(max_length = 256)]
    pub(super) refresh_token: String,
}

/// Gets a new pair of tokens
///
/// The token is spent by it. For 10 seconds, while its successor is unused, it gives the same successor again; after that
/// the whole session ends.
#[utoipa::path(post, path = "/api/auth/refresh", tag = "auth", request_body = RefreshTokenBody,
    responses(
        (status = 200, body = TokensBody),
        (status = 401, description = "`refresh_token_invalid`, `refresh_token_reused`"),
    ),
    extensions(("x-stoa" = json!(policy::public().body_limit(BODY_LIMIT).never_retried()))))]
pub(super) async fn refresh(
    State(service): State<AuthService>,
    origin: Origin,
    Json(body): Json<RefreshTokenBody>,
) -> Result<Response, Problem> {
    let grant = service.refresh(&body.refresh_token, origin.0).await?;
    Ok(tokens(StatusCode::OK, TokensBody::from(grant)))
}
