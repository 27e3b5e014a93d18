//! The stock, as other processes call it.

use axum::extract::State;
use platform_problem::Problem;
use platform_runtime::extract::Json;
use platform_runtime::policy;
use product_api::calls::{FaultsFound, ForOrder, Outcome, ReservationsAfter, STOCK, Sales, Sell, SellMany};
use product_api::{Confirmed, Released, Reservation, ReservationPage, Returned, StockError, StockRequest};

use super::Inside;
use crate::{refusal, sales};

/// Hold the goods for 15 minutes.
#[utoipa::path(post, path = "/internal/stock/reserve", tag = "stock", operation_id = "internal_reserve",
    request_body = StockRequest, responses((status = 200, body = Reservation)),
    extensions(("x-stoa" = json!(policy::service().idempotent()))))]
pub(super) async fn reserve(
    State(inside): State<Inside>,
    Json(request): Json<StockRequest>,
) -> Result<Json<Reservation>, Problem> {
    answer(inside.stock.reserve(&request).await)
}

/// Reserve and confirm in one step.
#[utoipa::path(post, path = "/internal/stock/sell", tag = "stock", operation_id = "internal_sell",
    request_body = Sell, responses((status = 200, body = Reservation)),
    extensions(("x-stoa" = json!(policy::service().idempotent()))))]
pub(super) async fn sell(State(inside): State<Inside>, Json(call): Json<Sell>) -> Result<Json<Reservation>, Problem> {
    answer(inside.stock.sell(&call.request, call.mode).await)
}

/// Reserve and confirm for many orders, each by itself.
#[utoipa::path(post, path = "/internal/stock/sell-many", tag = "stock", operation_id = "internal_sell_many",
    request_body = SellMany, responses((status = 200, body = Sales)),
    extensions(("x-stoa" = json!(policy::service().idempotent().body_limit(1024 * 1024)))))]
pub(super) async fn sell_many(
    State(inside): State<Inside>,
    Json(call): Json<SellMany>,
) -> Result<Json<Sales>, Problem> {
    Ok(Json(sales::sell_many(&*inside.stock, &call).await))
}

/// Turn what is held into a sale.
#[utoipa::path(post, path = "/internal/stock/confirm", tag = "stock", operation_id = "internal_confirm",
    request_body = ForOrder, responses((status = 200, body = Outcome<Confirmed>)),
    extensions(("x-stoa" = json!(policy::service().idempotent()))))]
pub(super) async fn confirm(
    State(inside): State<Inside>,
    Json(call): Json<ForOrder>,
) -> Result<Json<Outcome<Confirmed>>, Problem> {
    outcome(inside.stock.confirm(call.order_id).await)
}

/// Let go of what is held, for good.
#[utoipa::path(post, path = "/internal/stock/release", tag = "stock", operation_id = "internal_release",
    request_body = ForOrder, responses((status = 200, body = Outcome<Released>)),
    extensions(("x-stoa" = json!(policy::service().idempotent()))))]
pub(super) async fn release(
    State(inside): State<Inside>,
    Json(call): Json<ForOrder>,
) -> Result<Json<Outcome<Released>>, Problem> {
    outcome(inside.stock.release(call.order_id).await)
}

/// Put what was sold back on the shelf.
#[utoipa::path(post, path = "/internal/stock/return", tag = "stock", operation_id = "internal_return_goods",
    request_body = ForOrder, responses((status = 200, body = Outcome<Returned>)),
    extensions(("x-stoa" = json!(policy::service().idempotent()))))]
pub(super) async fn return_goods(
    State(inside): State<Inside>,
    Json(call): Json<ForOrder>,
) -> Result<Json<Outcome<Returned>>, Problem> {
    outcome(inside.stock.return_goods(call.order_id).await)
}

/// Reservations in the order of their order ids.
#[utoipa::path(post, path = "/internal/stock/reservations", tag = "stock", operation_id = "internal_reservations",
    request_body = ReservationsAfter, responses((status = 200, body = ReservationPage)),
    extensions(("x-stoa" = json!(policy::service()))))]
pub(super) async fn reservations(
    State(inside): State<Inside>,
    Json(call): Json<ReservationsAfter>,
) -> Result<Json<ReservationPage>, Problem> {
    answer(inside.stock.reservations(call.after, call.limit).await)
}

/// What is wrong with the shelf.
#[utoipa::path(post, path = "/internal/stock/faults", tag = "stock", operation_id = "internal_stock_faults",
    responses((status = 200, body = FaultsFound)),
    extensions(("x-stoa" = json!(policy::service()))))]
pub(super) async fn faults(State(inside): State<Inside>) -> Result<Json<FaultsFound>, Problem> {
    let found = inside.stock.faults().await;
    answer(found.map(|faults| FaultsFound { faults }))
}

fn answer<T>(answered: Result<T, StockError>) -> Result<Json<T>, Problem> {
    answered.map(Json).map_err(|error| refusal::of_stock(&error).of(STOCK))
}

fn outcome<T>(answered: Result<T, StockError>) -> Result<Json<Outcome<T>>, Problem> {
    answer(answered.map(|outcome| Outcome { outcome }))
}
