//! One order.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use order_api::Order;
use platform_problem::Problem;
use platform_runtime::extract::etag::{self, IfNoneMatch};
use platform_runtime::extract::{Caller, Json, Path};
use platform_runtime::policy;
use values::OrderId;

use super::{Service, scope};
use crate::order::render;

/// Reads an order
///
/// Somebody else's is 404, unless you run the shop.
#[utoipa::path(get, path = "/api/orders/{id}", tag = "orders", params(("id" = OrderId, Path)),
    responses(
        (status = 200, body = Order, headers(("ETag" = String))),
        (status = 304, description = "Not changed since `If-None-Match`"),
    ),
    extensions(("x-stoa" = json!(policy::signed_in()))))]
pub(super) async fn get_order(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<OrderId>,
    wanted: IfNoneMatch,
) -> Result<Response, Problem> {
    let order = service.get(id, scope(&caller)?).await?;
    let body = render(&order);
    let text = serde_json::to_vec(&body).expect("an order can be written as JSON");
    let tag = etag::of_version(order.version, &text);
    Ok(etag::conditional(&wanted, &tag, || Json(body).into_response()))
}
