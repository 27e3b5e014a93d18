//! Calling an order off.

use axum::extract::State;
use axum::response::Response;
use order_api::Order;
use platform_problem::Problem;
use platform_runtime::extract::{Caller, IdempotencyKey, Path};
use platform_runtime::policy;
use values::OrderId;

use super::{Service, answer, scope};
use crate::service::CancelKey;

/// Cancels an order
///
/// What was sold comes back to the shelf once, soon, however often this is called. 202 means that the end of a pending
/// order is not known yet; it will be `cancelled`.
#[utoipa::path(post, path = "/api/orders/{id}/cancel", tag = "orders",
    params(
        ("id" = OrderId, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters", max_length = 255),
    ),
    responses(
        (status = 200, description = "Cancelled", body = Order),
        (status = 202, description = "Will be cancelled", body = Order),
        (status = 409, description = "`not_cancellable`: rejected or fulfilled", content_type = "application/problem+json"),
    ),
    extensions(("x-stoa" = json!(policy::signed_in().idempotent()))))]
pub(super) async fn cancel_order(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<OrderId>,
    key: Option<IdempotencyKey>,
) -> Result<Response, Problem> {
    let key = match key {
        Some(key) => Some(CancelKey {
            caller: super::own_id(&caller)?,
            key: key.0,
        }),
        None => None,
    };
    let cancelled = service.cancel(id, scope(&caller)?, key).await?;
    Ok(answer::cancelled(&cancelled.order, cancelled.replayed))
}
