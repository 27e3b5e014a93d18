//! A product taken off sale.

use axum::extract::State;
use http::StatusCode;
use platform_problem::Problem;
use platform_runtime::context::RequestContext;
use platform_runtime::extract::{Caller, IfMatch, Path};
use platform_runtime::policy;
use values::ProductId;

use super::{Catalogue, refused};
use crate::caller::by;

/// Take a product off sale for good.
///
/// Orders keep their copy, what they hold stays held, and the sku is free again.
#[utoipa::path(
    delete, path = "/api/products/{id}", tag = "products", operation_id = "delete_product",
    params(("id" = ProductId, Path), ("If-Match" = Option<String>, Header, description = "The `ETag` that was read")),
    responses((status = 204, description = "It is gone"), (status = 412, description = "The product has another version")),
    extensions(("x-stoa" = json!(policy::admin().idempotent())))
)]
pub(super) async fn delete(
    State(catalogue): State<Catalogue>,
    Path(id): Path<ProductId>,
    caller: Caller,
    context: RequestContext,
    condition: IfMatch,
) -> Result<StatusCode, Problem> {
    let expected = catalogue.expected_version(id, &condition).await?;
    let removed = catalogue.service.remove(id, expected, by(&caller, &context)).await;
    removed.map_err(|error| refused(&error))?;
    Ok(StatusCode::NO_CONTENT)
}
