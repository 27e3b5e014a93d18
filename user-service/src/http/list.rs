//! The list of profiles, for those who run the shop.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use platform_problem::{Faults, Problem, codes};
use platform_runtime::extract::etag::{self, IfNoneMatch};
use platform_runtime::extract::{Json, Query};
use platform_runtime::policy;
use platform_sql::cursor::{self, CursorError};
use serde::{Deserialize, Serialize};
use user_api::User;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use values::{Timestamp, UserId};

use crate::service::{ListRequest, UserService};

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;
/// The longest query in characters.
const MAX_QUERY: usize = 200;

/// Which users, and how many.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParameters {
    /// Words that begin a word of name or email, without regard to case and marks.
    #[param(max_length = 200)]
    q: Option<String>,
    /// The most on a page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// Where the page before ended.
    cursor: Option<String>,
    /// Whether `total` is wanted.
    #[serde(default)]
    #[param(default = false)]
    count: bool,
}

/// A page of users, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserList {
    /// The users.
    items: Vec<User>,
    /// For the next page; null on the last one.
    next_cursor: Option<String>,
    /// How many there are in all; with `count=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
}

/// Lists users, the newest first
#[utoipa::path(get, path = "/api/users", tag = "users", params(ListParameters),
    responses(
        (status = 200, body = UserList, headers(("ETag" = String))),
        (status = 304, description = "Not changed since `If-None-Match`"),
    ),
    extensions(("x-stoa" = json!(policy::admin()))))]
pub(super) async fn list_users(
    State(service): State<UserService>,
    Query(parameters): Query<ListParameters>,
    wanted: IfNoneMatch,
) -> Result<Response, Problem> {
    let list = list_name(parameters.q.as_deref());
    let request = request(parameters, &list)?;
    let page = service.list(&request).await?;
    let next = page
        .next
        .map(|(at, id)| cursor::encode(&list, &(at.as_micros(), id.as_uuid())));
    let body = UserList {
        items: page.users,
        next_cursor: next,
        total: page.total,
    };
    let text = serde_json::to_vec(&body).expect("users can be written as JSON");
    let tag = etag::of_body(&text);
    Ok(etag::conditional(&wanted, &tag, || Json(body).into_response()))
}

fn request(parameters: ListParameters, list: &str) -> Result<ListRequest, Problem> {
    let mut faults = Faults::default();
    let limit = parameters.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        faults.add("?limit", "must be 1 to 100");
    }
    if parameters.q.as_ref().is_some_and(|q| q.chars().count() > MAX_QUERY) {
        faults.add("?q", "must be at most 200 characters");
    }
    faults.finish()?;
    let after = parameters.cursor.map(|text| cursor::decode::<(i64, Uuid)>(list, &text));
    let after = after.transpose().map_err(|error| match error {
        CursorError::Invalid => Problem::new(&codes::CURSOR_INVALID),
        CursorError::Mismatch => Problem::new(&codes::CURSOR_MISMATCH),
    })?;
    Ok(ListRequest {
        query: parameters.q,
        after: after.map(|(at, id)| (Timestamp::from_micros(at), UserId::from(id))),
        limit,
        count: parameters.count,
    })
}

/// What a cursor is bound to.
fn list_name(query: Option<&str>) -> String {
    format!("users?q={}", query.unwrap_or_default())
}
