//! What an order would be.

use axum::extract::State;
use order_api::Quote;
use platform_problem::Problem;
use platform_runtime::extract::Json;
use platform_runtime::policy;

use super::Service;
use super::basket::Basket;

/// Quotes an order
///
/// The order as it would be now, at most a second old. Nothing is held, and `available` below `quantity` is no refusal.
#[utoipa::path(post, path = "/api/orders/quote", tag = "orders", request_body = Basket,
    responses(
        (status = 200, body = Quote),
        (status = 422, description = "`unknown_product` with `items: [{product_id}]`, `mixed_currency`, `invalid`", content_type = "application/problem+json"),
    ),
    extensions(("x-stoa" = json!(policy::public().idempotent()))))]
pub(super) async fn quote_order(
    State(service): State<Service>,
    Json(basket): Json<Basket>,
) -> Result<Json<Quote>, Problem> {
    let lines = basket.into_lines()?;
    Ok(Json(service.quote(&lines).await?))
}
