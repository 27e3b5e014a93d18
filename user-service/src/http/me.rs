//! One's own profile.

use axum::extract::State;
use axum::response::Response;
use platform_problem::{Faults, Problem, codes};
use platform_runtime::extract::{Caller, IfMatch, IfNoneMatch, Json};
use platform_runtime::policy;
use serde::Deserialize;
use user_api::User;
use utoipa::ToSchema;
use values::{PersonName, UserId};

use super::answer;
use crate::service::{ProfileError, UserService};

/// What one may change of oneself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileUpdate {
    /// What you want to be called.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

/// Reads one's own profile
#[utoipa::path(get, path = "/api/users/me", tag = "users",
    responses(
        (status = 200, body = User, headers(("ETag" = String))),
        (status = 304, description = "Not changed since `If-None-Match`"),
    ),
    extensions(("x-stoa" = json!(policy::signed_in()))))]
pub(super) async fn get_me(
    State(service): State<UserService>,
    caller: Caller,
    wanted: IfNoneMatch,
) -> Result<Response, Problem> {
    let row = service.get(own_id(&caller)?).await.map_err(own_problem)?;
    Ok(answer(row, &wanted))
}

/// Changes one's own profile
///
/// With `If-Match` only if it is still the version that was read; without, the last writer wins.
#[utoipa::path(put, path = "/api/users/me", tag = "users", request_body = ProfileUpdate,
    responses((status = 200, body = User, headers(("ETag" = String)))),
    extensions(("x-stoa" = json!(policy::signed_in().body_limit(4 * 1024).idempotent()))))]
pub(super) async fn put_me(
    State(service): State<UserService>,
    caller: Caller,
    condition: IfMatch,
    Json(update): Json<ProfileUpdate>,
) -> Result<Response, Problem> {
    let id = own_id(&caller)?;
    let mut faults = Faults::default();
    let name = faults.take("/name", PersonName::try_from(update.name));
    let Some(name) = name else {
        return Err(faults.into_problem());
    };
    let mut version = None;
    if !condition.is_absent() {
        let row = service.get(id).await.map_err(own_problem)?;
        condition.check_version(row.version)?;
        version = Some(row.version);
    }
    let row = service.rename(id, &name, version).await.map_err(own_problem)?;
    Ok(answer(row, &IfNoneMatch::default()))
}

fn own_id(caller: &Caller) -> Result<UserId, Problem> {
    caller.user_id().ok_or_else(|| Problem::new(&codes::FORBIDDEN))
}

/// Who holds a token has an account, so a profile that is not there is on its way.
fn own_problem(error: ProfileError) -> Problem {
    match error {
        ProfileError::NotFound => Problem::new(&codes::UNAVAILABLE)
            .detail("your profile is being made")
            .retry_after(1),
        other => other.into(),
    }
}
