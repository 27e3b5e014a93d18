//! What other processes of ours call, below `/internal/`, for a service token.

use axum::extract::State;
use platform_problem::{Problem, codes};
use platform_runtime::extract::Json;
use platform_runtime::policy;
use user_api::{AccountCopy, User, Users as _, UsersError};

use crate::service::UserService;

/// Make sure that a profile is there.
#[utoipa::path(post, path = "/internal/users/ensure", tag = "users", operation_id = "internal_ensure_user",
    request_body = AccountCopy, responses((status = 200, body = User)),
    extensions(("x-stoa" = json!(policy::service().idempotent()))))]
pub(super) async fn ensure(
    State(users): State<UserService>,
    Json(account): Json<AccountCopy>,
) -> Result<Json<User>, Problem> {
    users.ensure(&account).await.map(Json).map_err(|error| refused(&error))
}

/// What users say no with. What is wrong with the store is logged here, once.
pub(crate) fn refused(error: &UsersError) -> Problem {
    let UsersError::Unavailable(source) = error;
    if let Some(source) = source {
        tracing::error!(error = &**source as &dyn std::error::Error, "{error}");
    }
    Problem::new(&codes::UNAVAILABLE)
}
