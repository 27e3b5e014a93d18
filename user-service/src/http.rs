//! The routes of users. Each file translates one path and calls the service, no more.

mod internal;
mod list;
mod me;
mod one;

use axum::response::{IntoResponse, Response};
use platform_problem::{Problem, codes};
use platform_runtime::extract::Json;
use platform_runtime::extract::etag::{self, IfNoneMatch};
use platform_runtime::router::ApiRouter;
use platform_runtime::routes;

pub(crate) use internal::refused;

use crate::service::{Profile, ProfileError, UserService};

/// All of them.
pub fn routes() -> ApiRouter<UserService> {
    ApiRouter::new()
        .routes(routes!(me::get_me, me::put_me))
        .routes(routes!(list::list_users))
        .routes(routes!(one::get_user))
        .routes(routes!(internal::ensure))
}

impl From<ProfileError> for Problem {
    fn from(error: ProfileError) -> Self {
        let kind = match &error {
            ProfileError::NotFound => &codes::NOT_FOUND,
            ProfileError::Stale => &codes::PRECONDITION_FAILED,
            ProfileError::Unavailable(cause) => {
                tracing::warn!(cause = cause.to_chain(), "{error}");
                &codes::UNAVAILABLE
            }
            ProfileError::Fault(cause) => {
                tracing::error!(cause = cause.to_chain(), "{error}");
                &codes::INTERNAL
            }
        };
        Self::new(kind)
    }
}

/// A profile with its entity tag, or 304 for who has it already.
fn answer(row: Profile, wanted: &IfNoneMatch) -> Response {
    let body = serde_json::to_vec(&row.user).expect("a user can be written as JSON");
    let tag = etag::of_version(row.version, &body);
    etag::conditional(wanted, &tag, || Json(row.user).into_response())
}
