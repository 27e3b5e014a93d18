//! The list of orders.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use order_api::{Order, OrderStatus};
use platform_problem::{Faults, Problem, codes};
use platform_runtime::extract::etag::{self, IfNoneMatch};
use platform_runtime::extract::{Caller, Json, Query};
use platform_runtime::policy;
use platform_sql::cursor::{self, CursorError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use values::{OrderId, UserId};

use super::{Service, scope};
use crate::order::render;

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;

/// Which orders, and how many.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParameters {
    /// Only these; all but the rejected ones unless given.
    status: Option<OrderStatus>,
    /// Only this user's; for those who run the shop.
    #[param(format = Uuid)]
    user_id: Option<String>,
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

/// A page of orders, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrderList {
    /// The orders.
    items: Vec<Order>,
    /// For the next page; null on the last one.
    next_cursor: Option<String>,
    /// How many there are in all; with `count=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
}

/// Lists orders, the newest first
///
/// One's own; for those who run the shop everybody's, or one user's with `user_id`.
#[utoipa::path(get, path = "/api/orders", tag = "orders", params(ListParameters),
    responses(
        (status = 200, body = OrderList, headers(("ETag" = String))),
        (status = 304, description = "Not changed since `If-None-Match`"),
    ),
    extensions(("x-stoa" = json!(policy::signed_in()))))]
pub(super) async fn list_orders(
    State(service): State<Service>,
    caller: Caller,
    Query(parameters): Query<ListParameters>,
    wanted: IfNoneMatch,
) -> Result<Response, Problem> {
    let (user_id, limit) = checked(&parameters)?;
    let owner = match scope(&caller)? {
        None => user_id,
        Some(own) if user_id.is_none_or(|user_id| user_id == own) => Some(own),
        Some(_) => return Err(Problem::new(&codes::FORBIDDEN).detail("user_id is for those who run the shop")),
    };
    let list = list_name(owner, parameters.status);
    let before = parameters.cursor.map(|text| cursor::decode::<Uuid>(&list, &text));
    let before = before.transpose().map_err(|error| match error {
        CursorError::Invalid => Problem::new(&codes::CURSOR_INVALID),
        CursorError::Mismatch => Problem::new(&codes::CURSOR_MISMATCH),
    })?;
    let page = service
        .history(owner, parameters.status, before.map(OrderId::from), limit)
        .await?;
    let total = if parameters.count {
        Some(service.count(owner, parameters.status).await?)
    } else {
        None
    };
    let body = OrderList {
        items: page.orders.iter().map(render).collect(),
        next_cursor: page.next.map(|last| cursor::encode(&list, &last.as_uuid())),
        total,
    };
    let text = serde_json::to_vec(&body).expect("orders can be written as JSON");
    let tag = etag::of_body(&text);
    Ok(etag::conditional(&wanted, &tag, || Json(body).into_response()))
}

fn checked(parameters: &ListParameters) -> Result<(Option<UserId>, u32), Problem> {
    let mut faults = Faults::default();
    let limit = parameters.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        faults.add("?limit", "must be 1 to 100");
    }
    let user_id = parameters
        .user_id
        .as_deref()
        .and_then(|text| faults.take("?user_id", text.parse::<UserId>()));
    faults.finish()?;
    Ok((user_id, limit))
}

/// What a cursor is bound to.
fn list_name(owner: Option<UserId>, status: Option<OrderStatus>) -> String {
    let owner = owner.map(|owner| owner.to_string()).unwrap_or_default();
    format!("orders?user_id={owner}&status={status:?}")
}
