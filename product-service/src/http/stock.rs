//! A change of stock beside running sales.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use platform_problem::{Faults, Problem};
use platform_runtime::context::RequestContext;
use platform_runtime::extract::{Caller, IdempotencyKey, Json, Path};
use platform_runtime::policy;
use platform_sql::idempotency::StoredAnswer;
use product_api::Product;
use values::ProductId;

use super::once::{once, respond, stored};
use super::{Catalogue, answer_of};
use crate::caller::by;
use crate::service::{StockChange, StockDraft};

/// Change what is on the shelf.
///
/// By `delta`, or to what can be bought from now on by `set` (null: not counted). What orders hold stays held. With an
/// `Idempotency-Key` a repeated request has one effect and the same answer, for 24 hours.
#[utoipa::path(
    post, path = "/api/products/{id}/stock", tag = "products", operation_id = "change_stock",
    params(("id" = ProductId, Path),
        ("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "Makes a retry safe")),
    request_body = StockDraft,
    responses((status = 200, body = Product), (status = 409, description = "`insufficient_stock`, `stock_not_counted`")),
    extensions(("x-stoa" = json!(policy::admin().idempotent())))
)]
pub(super) async fn change_stock(
    State(catalogue): State<Catalogue>,
    Path(id): Path<ProductId>,
    caller: Caller,
    context: RequestContext,
    key: Option<IdempotencyKey>,
    Json(draft): Json<StockDraft>,
) -> Result<Response, Problem> {
    let mut faults = Faults::default();
    let Some((change, reason)) = draft.check(&mut faults) else {
        return Err(faults.into_problem());
    };
    let meaning = match change {
        StockChange::Delta(delta) => (id, "delta", Some(delta), &reason),
        StockChange::Set(set) => (id, "set", set, &reason),
    };
    let once = once(key, &caller, "POST /api/products/{id}/stock", &meaning, changed);
    let by = by(&caller, &context);
    let answered = catalogue
        .service
        .change_stock(id, change, reason, by, once.clone())
        .await;
    respond(&catalogue, answered, once, changed).await
}

fn changed(product: &Product) -> StoredAnswer {
    stored(StatusCode::OK, &answer_of(product), None)
}
