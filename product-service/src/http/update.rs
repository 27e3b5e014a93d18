//! A product written anew.

use axum::extract::State;
use axum::response::Response;
use platform_problem::{Faults, Problem};
use platform_runtime::context::RequestContext;
use platform_runtime::extract::{Caller, IfMatch, Json, Path};
use platform_runtime::policy;
use product_api::{Product, STOCK_NOT_WRITABLE};
use values::ProductId;

use super::{BODY_LIMIT, Catalogue, answer_of, ok, refused};
use crate::caller::by;
use crate::service::{Given, ProductDraft};

/// Replace all of a product but its stock.
///
/// What is left out becomes what it is by default. With `If-Match` it is a compare-and-set on the version; without, the
/// last writer wins.
#[utoipa::path(
    put, path = "/api/products/{id}", tag = "products", operation_id = "update_product",
    params(("id" = ProductId, Path), ("If-Match" = Option<String>, Header, description = "The `ETag` that was read")),
    request_body = ProductDraft,
    responses((status = 200, body = Product, headers(("ETag" = String, description = "`\"<version>.<hash>\"`"))),
        (status = 409, description = "`sku_taken`, `options_taken`"),
        (status = 412, description = "The product has another version")),
    extensions(("x-stoa" = json!(policy::admin().body_limit(BODY_LIMIT).idempotent())))
)]
pub(super) async fn update(
    State(catalogue): State<Catalogue>,
    Path(id): Path<ProductId>,
    caller: Caller,
    context: RequestContext,
    condition: IfMatch,
    Json(draft): Json<ProductDraft>,
) -> Result<Response, Problem> {
    if draft.stock != Given::Missing {
        return Err(Problem::new(&STOCK_NOT_WRITABLE).field("/stock", "is not writable here"));
    }
    let mut faults = Faults::default();
    let Some(update) = draft.into_update(&mut faults) else {
        return Err(faults.into_problem());
    };
    let expected = catalogue.expected_version(id, &condition).await?;
    let replaced = catalogue
        .service
        .replace(id, update, expected, by(&caller, &context))
        .await;
    Ok(ok(answer_of(&replaced.map_err(|error| refused(&error))?)))
}
