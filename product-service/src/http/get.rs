//! One product.

use axum::extract::State;
use axum::response::Response;
use platform_problem::Problem;
use platform_runtime::extract::{Caller, IfNoneMatch, Path};
use platform_runtime::policy;
use product_api::{Product, Products as _, View};
use values::ProductId;

use super::{Catalogue, answer_of, conditional, refused, view_of};

/// One product.
///
/// Unpublished products are an admin's alone; for others they are 404. `stock` may be a second old.
#[utoipa::path(
    get, path = "/api/products/{id}", tag = "products", operation_id = "get_product",
    params(("id" = ProductId, Path)),
    responses((status = 200, body = Product, headers(("ETag" = String, description = "`\"<version>.<hash>\"`"))),
        (status = 304, description = "The product is as `If-None-Match` says")),
    extensions(("x-stoa" = json!(policy::optional().cached())))
)]
pub(super) async fn get(
    State(catalogue): State<Catalogue>,
    Path(id): Path<ProductId>,
    caller: Option<Caller>,
    wanted: IfNoneMatch,
) -> Result<Response, Problem> {
    let service = &catalogue.service;
    if view_of(caller.as_ref()) == View::Admin {
        let product = service.get(id, View::Admin).await.map_err(|error| refused(&error))?;
        return Ok(conditional(answer_of(&product), &wanted));
    }
    let make = || async move { service.get(id, View::Public).await.map(|product| answer_of(&product)) };
    let answer = catalogue
        .products
        .get(id, || service.freshness().of(id.as_uuid()), make)
        .await;
    Ok(conditional(answer.map_err(|error| refused(&error))?, &wanted))
}
