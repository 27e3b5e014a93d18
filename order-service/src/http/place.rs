//! Placing an order.

use axum::extract::State;
use axum::response::Response;
use order_api::Order;
use platform_problem::Problem;
use platform_runtime::context::traceparent;
use platform_runtime::extract::{Caller, IdempotencyKey, Json};
use platform_runtime::policy;

use super::basket::{self, Basket};
use super::{Service, answer, own_id};
use crate::service::PlaceOrder;

/// Places an order
///
/// One `Idempotency-Key` is one press of the button: the same key with the same items answers with the same order, for
/// ever. 202 means that the end is not known yet; the order is finished without you, and `GET` or the same key tells.
#[utoipa::path(post, path = "/api/orders", tag = "orders", request_body = Basket,
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters", max_length = 255)),
    responses(
        (status = 201, description = "Bought", body = Order, headers(("Location" = String), ("Idempotent-Replayed" = String))),
        (status = 202, description = "Taken; the end is not known yet", body = Order, headers(("Location" = String))),
        (status = 402, description = "`payment_declined`", content_type = "application/problem+json"),
        (status = 409, description = "`insufficient_stock` with `order_id` and `items: [{product_id, requested, available}]`, or `order_cancelled`", content_type = "application/problem+json"),
        (status = 422, description = "`unknown_product`, `mixed_currency`, `idempotency_key_reused`, `invalid`", content_type = "application/problem+json"),
    ),
    extensions(("x-stoa" = json!(policy::signed_in().idempotent()))))]
pub(super) async fn place_order(
    State(service): State<Service>,
    caller: Caller,
    key: IdempotencyKey,
    Json(basket): Json<Basket>,
) -> Result<Response, Problem> {
    let lines = basket.into_lines()?;
    let placed = service
        .place(PlaceOrder {
            user_id: own_id(&caller)?,
            idempotency_key: key.0,
            request_hash: basket::hash(&lines),
            lines,
            traceparent: traceparent(),
        })
        .await?;
    Ok(answer::placed(&placed.order, placed.replayed))
}
