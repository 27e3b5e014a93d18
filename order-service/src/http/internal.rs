//! What other processes of ours call, below `/internal/`, for a service token.

use std::sync::Arc;

use axum::extract::State;
use order_api::calls::{RecordsAfter, RecordsFound, RecordsOf};
use order_api::{OrderRecordPage, Orders as _, OrdersError};
use platform_problem::{Problem, codes};
use platform_runtime::extract::Json;
use platform_runtime::policy;

use crate::service::OrderService;

/// A page of the books.
#[utoipa::path(post, path = "/internal/orders/list", tag = "orders", operation_id = "internal_list_orders",
    request_body = RecordsAfter, responses((status = 200, body = OrderRecordPage)),
    extensions(("x-stoa" = json!(policy::service()))))]
pub(super) async fn list(
    State(orders): State<Arc<OrderService>>,
    Json(call): Json<RecordsAfter>,
) -> Result<Json<OrderRecordPage>, Problem> {
    let page = orders.list(call.after, call.limit).await;
    page.map(Json).map_err(|error| refused(&error))
}

/// Those of the orders that exist.
#[utoipa::path(post, path = "/internal/orders/get-many", tag = "orders", operation_id = "internal_get_orders",
    request_body = RecordsOf, responses((status = 200, body = RecordsFound)),
    extensions(("x-stoa" = json!(policy::service()))))]
pub(super) async fn get_many(
    State(orders): State<Arc<OrderService>>,
    Json(call): Json<RecordsOf>,
) -> Result<Json<RecordsFound>, Problem> {
    let found = orders.get_many(&call.ids).await;
    let items = found.map_err(|error| refused(&error))?;
    Ok(Json(RecordsFound { items }))
}

/// What orders say no with. What is wrong with the store is logged here, once.
pub(crate) fn refused(error: &OrdersError) -> Problem {
    let OrdersError::Unavailable(source) = error;
    if let Some(source) = source {
        tracing::error!(error = &**source as &dyn std::error::Error, "{error}");
    }
    Problem::new(&codes::UNAVAILABLE)
}
