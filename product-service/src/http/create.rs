//! A new product.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use platform_problem::{Faults, Problem};
use platform_runtime::context::RequestContext;
use platform_runtime::extract::{Caller, IdempotencyKey, Json};
use platform_runtime::policy;
use platform_sql::idempotency::StoredAnswer;
use product_api::Product;

use super::once::{once, respond, stored};
use super::{BODY_LIMIT, Catalogue, answer_of};
use crate::caller::by;
use crate::service::ProductDraft;

/// Put a product on sale.
///
/// `sku`, `name`, `price` and `stock` are required. With an `Idempotency-Key` a repeated request has one effect and the
/// same answer, for 24 hours.
#[utoipa::path(
    post, path = "/api/products", tag = "products", operation_id = "create_product",
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "Makes a retry safe")),
    request_body = ProductDraft,
    responses((status = 201, body = Product, headers(("Location" = String, description = "The product"),
            ("ETag" = String, description = "`\"<version>.<hash>\"`"))),
        (status = 409, description = "`sku_taken`, `options_taken`")),
    extensions(("x-stoa" = json!(policy::admin().body_limit(BODY_LIMIT).idempotent())))
)]
pub(super) async fn create(
    State(catalogue): State<Catalogue>,
    caller: Caller,
    context: RequestContext,
    key: Option<IdempotencyKey>,
    Json(draft): Json<ProductDraft>,
) -> Result<Response, Problem> {
    let mut faults = Faults::default();
    let Some(new) = draft.into_new(&mut faults) else {
        return Err(faults.into_problem());
    };
    let once = once(key, &caller, "POST /api/products", &new, created);
    let answered = catalogue
        .service
        .create_once(new, by(&caller, &context), once.clone())
        .await;
    respond(&catalogue, answered, once, created).await
}

fn created(product: &Product) -> StoredAnswer {
    let location = format!("/api/products/{}", product.id);
    stored(StatusCode::CREATED, &answer_of(product), Some(location))
}
