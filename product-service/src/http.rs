//! The routes below `/api/products`: they read a request, call the service and write the answer.

mod create;
mod delete;
mod export;
mod get;
mod import;
pub(crate) mod internal;
mod list;
mod once;
mod stock;
mod update;

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use platform_problem::Problem;
use platform_runtime::extract::{Caller, IfMatch, IfNoneMatch};
use platform_runtime::router::ApiRouter;
use platform_runtime::routes;
use product_api::{Product, Products as _, View};
use values::ProductId;

use crate::cache::{Answer, Answers};
use crate::news::News;
use crate::refusal::of_products as refused;
use crate::service::ProductService;

/// The most memory that kept products take.
const PRODUCT_BYTES: u64 = 24 * 1024 * 1024;
/// The most memory that kept lists take.
const LIST_BYTES: u64 = 8 * 1024 * 1024;
/// The largest product, with every sign escaped.
pub(crate) const BODY_LIMIT: u64 = 1024 * 1024;

/// What handlers work with.
#[derive(Clone)]
pub(crate) struct Catalogue {
    service: ProductService,
    products: Answers<ProductId>,
    lists: Answers<Arc<str>>,
}

/// All of them; their state is the service.
pub(crate) fn routes() -> ApiRouter<Catalogue> {
    ApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(get::get, update::update, delete::delete))
        .routes(routes!(stock::change_stock))
        .routes(routes!(import::import))
        .routes(routes!(export::export))
}

impl Catalogue {
    pub(crate) fn new(service: ProductService, news: Arc<News>) -> Self {
        Self {
            service,
            products: Answers::new(PRODUCT_BYTES, Some(news)),
            // A sale may change a list, and does not say which.
            lists: Answers::new(LIST_BYTES, None),
        }
    }

    /// The version that a conditional write expects: the present one, where the condition names it.
    async fn expected_version(&self, id: ProductId, condition: &IfMatch) -> Result<Option<i64>, Problem> {
        if condition.is_absent() {
            return Ok(None);
        }
        let present = self
            .service
            .get(id, View::Admin)
            .await
            .map_err(|error| refused(&error))?;
        condition.check_version(present.version)?;
        Ok(Some(present.version))
    }
}

fn view_of(caller: Option<&Caller>) -> View {
    if caller.is_some_and(|caller| caller.is_admin()) {
        View::Admin
    } else {
        View::Public
    }
}

/// The bytes of a product as every route sends them.
fn answer_of(product: &Product) -> Answer {
    let body = serde_json::to_vec(product).expect("a product is JSON");
    Answer::of_version(product.version, body)
}

/// An answer, or 304 if the client has it.
fn conditional(answer: Answer, wanted: &IfNoneMatch) -> Response {
    let is_known = answer.etag.to_str().is_ok_and(|etag| wanted.matches(etag));
    if is_known {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, answer.etag)]).into_response();
    }
    ok(answer)
}

fn ok(answer: Answer) -> Response {
    let mut response = Response::new(answer.body.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ETAG, answer.etag);
    response
}
