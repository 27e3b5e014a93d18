//! The catalogue, as other processes call it.

use axum::extract::State;
use http::StatusCode;
use platform_problem::{Faults, Problem};
use platform_runtime::context::RequestContext;
use platform_runtime::extract::{Caller, Json};
use platform_runtime::policy;
use product_api::calls::{
    ChangesSince, DeleteProduct, GetProduct, GetProducts, PRODUCTS, ProductsFound, UpdateProduct,
};
use product_api::{
    ChangesPage, ListProducts, NewProduct, Product, ProductPage, ProductUpdate, Products as _, ProductsError,
};

use super::Inside;
use crate::caller::by;
use crate::http::BODY_LIMIT;
use crate::refusal;
use crate::service::{Given, MoneyDraft, ProductDraft};

/// One product.
#[utoipa::path(post, path = "/internal/products/get", tag = "products", operation_id = "internal_get_product",
    request_body = GetProduct, responses((status = 200, body = Product)),
    extensions(("x-stoa" = json!(policy::service()))))]
pub(super) async fn get(State(inside): State<Inside>, Json(call): Json<GetProduct>) -> Result<Json<Product>, Problem> {
    let found = inside.catalogue.get(call.id, call.view).await;
    found.map(Json).map_err(|error| refused(&error))
}

/// Those of the products that exist and the view shows.
#[utoipa::path(post, path = "/internal/products/get-many", tag = "products", operation_id = "internal_get_products",
    request_body = GetProducts, responses((status = 200, body = ProductsFound)),
    extensions(("x-stoa" = json!(policy::service()))))]
pub(super) async fn get_many(
    State(inside): State<Inside>,
    Json(call): Json<GetProducts>,
) -> Result<Json<ProductsFound>, Problem> {
    let found = inside.catalogue.get_many(&call.ids, call.view).await;
    let items = found.map_err(|error| refused(&error))?;
    Ok(Json(ProductsFound { items }))
}

/// A page of the catalogue.
#[utoipa::path(post, path = "/internal/products/list", tag = "products", operation_id = "internal_list_products",
    request_body = ListProducts, responses((status = 200, body = ProductPage)),
    extensions(("x-stoa" = json!(policy::service()))))]
pub(super) async fn list(
    State(inside): State<Inside>,
    Json(query): Json<ListProducts>,
) -> Result<Json<ProductPage>, Problem> {
    query.faults("/").finish()?;
    let page = inside.catalogue.list(&query).await;
    page.map(Json).map_err(|error| refused(&error))
}

/// Put a product on sale.
#[utoipa::path(post, path = "/internal/products/create", tag = "products", operation_id = "internal_create_product",
    request_body = NewProduct, responses((status = 200, body = Product)),
    extensions(("x-stoa" = json!(policy::service().body_limit(BODY_LIMIT)))))]
pub(super) async fn create(
    State(inside): State<Inside>,
    caller: Caller,
    context: RequestContext,
    Json(new): Json<NewProduct>,
) -> Result<Json<Product>, Problem> {
    let mut faults = Faults::default();
    let stock = new.stock.map_or(Given::Null, Given::Value);
    let draft = ProductDraft {
        stock,
        ..draft_of(new.details)
    };
    let Some(new) = draft.into_new(&mut faults) else {
        return Err(faults.into_problem());
    };
    let created = inside.catalogue.create_by(new, by(&caller, &context)).await;
    created.map(Json).map_err(|error| refused(&error))
}

/// Replace all of a product but its stock.
#[utoipa::path(post, path = "/internal/products/update", tag = "products", operation_id = "internal_update_product",
    request_body = UpdateProduct, responses((status = 200, body = Product)),
    extensions(("x-stoa" = json!(policy::service().body_limit(BODY_LIMIT)))))]
pub(super) async fn update(
    State(inside): State<Inside>,
    caller: Caller,
    context: RequestContext,
    Json(call): Json<UpdateProduct>,
) -> Result<Json<Product>, Problem> {
    let mut faults = Faults::default();
    let Some(update) = draft_of(call.update).into_update(&mut faults) else {
        return Err(faults.into_problem());
    };
    let (catalogue, by) = (&inside.catalogue, by(&caller, &context));
    let replaced = catalogue.replace(call.id, update, call.expected_version, by).await;
    replaced.map(Json).map_err(|error| refused(&error))
}

/// Take a product off sale for good.
#[utoipa::path(post, path = "/internal/products/delete", tag = "products", operation_id = "internal_delete_product",
    request_body = DeleteProduct, responses((status = 204, description = "It is gone")),
    extensions(("x-stoa" = json!(policy::service()))))]
pub(super) async fn delete(
    State(inside): State<Inside>,
    caller: Caller,
    context: RequestContext,
    Json(call): Json<DeleteProduct>,
) -> Result<StatusCode, Problem> {
    let (catalogue, by) = (&inside.catalogue, by(&caller, &context));
    let removed = catalogue.remove(call.id, call.expected_version, by).await;
    removed.map_err(|error| refused(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// What changed since a cursor.
#[utoipa::path(post, path = "/internal/products/changes", tag = "products", operation_id = "internal_product_changes",
    request_body = ChangesSince, responses((status = 200, body = ChangesPage)),
    extensions(("x-stoa" = json!(policy::service()))))]
pub(super) async fn changes(
    State(inside): State<Inside>,
    Json(call): Json<ChangesSince>,
) -> Result<Json<ChangesPage>, Problem> {
    let page = inside.catalogue.changes_since(call.cursor.as_deref(), call.limit).await;
    page.map(Json).map_err(|error| refused(&error))
}

fn refused(error: &ProductsError) -> Problem {
    refusal::of_products(error).of(PRODUCTS)
}

/// As somebody writes it: the bounds of texts and lists are checked here as they are for people.
fn draft_of(update: ProductUpdate) -> ProductDraft {
    let money = |money: values::Money| MoneyDraft {
        amount: money.amount(),
        currency: money.currency().code().to_owned(),
    };
    ProductDraft {
        sku: Some(update.sku.into()),
        name: Some(update.name),
        description: Some(update.description),
        category: update.category,
        tags: Some(update.tags),
        vendor: update.vendor,
        images: Some(update.images),
        family: update.family,
        options: Some(update.options),
        price: Some(money(update.price)),
        compare_at_price: update.compare_at_price.map(money),
        stock: Given::Missing,
        published: Some(update.published),
        barcode: update.barcode,
        weight_grams: update.weight_grams,
    }
}
