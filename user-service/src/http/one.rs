//! Anybody's profile, for those who run the shop.

use axum::extract::State;
use axum::response::Response;
use platform_problem::Problem;
use platform_runtime::extract::{IfNoneMatch, Path};
use platform_runtime::policy;
use user_api::User;
use values::UserId;

use super::answer;
use crate::service::UserService;

/// Reads a profile
#[utoipa::path(get, path = "/api/users/{id}", tag = "users",
    params(("id" = String, Path, format = Uuid)),
    responses(
        (status = 200, body = User, headers(("ETag" = String))),
        (status = 304, description = "Not changed since `If-None-Match`"),
        (status = 404, description = "`not_found`"),
    ),
    extensions(("x-stoa" = json!(policy::admin()))))]
pub(super) async fn get_user(
    State(service): State<UserService>,
    Path(id): Path<UserId>,
    wanted: IfNoneMatch,
) -> Result<Response, Problem> {
    Ok(answer(service.get(id).await?, &wanted))
}
