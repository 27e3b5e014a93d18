//! Lists and searches.

use axum::extract::State;
use axum::response::Response;
use platform_problem::Problem;
use platform_runtime::extract::{Caller, IfNoneMatch, Query};
use platform_runtime::policy;
use product_api::{ListProducts, ListedProduct, Products as _, ProductsError, Sort, View};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use values::Currency;

use super::{Catalogue, conditional, refused, view_of};
use crate::cache::Answer;

const DEFAULT_LIMIT: i64 = 20;

/// What a list may be asked with.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct ListParams {
    /// Words that must all occur in name, sku, description, vendor, category, tags, options, family or barcode; the last
    /// one may be a beginning. At most the first 1,000 matches are ranked and paged.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Exactly this category.
    #[param(max_length = 255)]
    category: Option<String>,
    /// Has this tag.
    #[param(max_length = 255)]
    tag: Option<String>,
    /// A variant of the family with this handle.
    #[param(max_length = 255)]
    family: Option<String>,
    /// At least this price, in minor units of `currency`.
    #[param(minimum = 0, maximum = 1_000_000_000_000_i64)]
    min_price: Option<i64>,
    /// At most this price, in minor units of `currency`.
    #[param(minimum = 0, maximum = 1_000_000_000_000_i64)]
    max_price: Option<i64>,
    /// What price filters and price sorts are within; products of another currency are left out of those. The shop's
    /// unless given.
    currency: Option<Currency>,
    /// Only what can be bought now.
    in_stock: bool,
    /// `family`: one row a family, with `price_from` and `variants`.
    #[param(inline)]
    group: Option<Group>,
    /// `-created_at` unless given, with `q` `relevance`.
    #[param(inline)]
    sort: Option<Sort>,
    /// How many rows: 20 unless given.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// `next_cursor` of the page before, of the same filters and sort.
    #[param(max_length = 2048)]
    cursor: Option<String>,
    /// Whether to count all rows, too.
    count: bool,
}

/// What rows are put together by.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Group {
    /// One row a family.
    Family,
}

/// A page of products.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProductList {
    /// The rows.
    items: Vec<ListedProduct>,
    /// To be given as `cursor` for the next page; null after the last.
    next_cursor: Option<String>,
    /// How many rows there are on all pages; only with `count=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
}

/// The catalogue in pages.
///
/// An admin sees unpublished products too.
#[utoipa::path(
    get, path = "/api/products", tag = "products", operation_id = "list_products",
    params(ListParams),
    responses((status = 200, body = ProductList, headers(("ETag" = String, description = "Of the whole page"))),
        (status = 304, description = "The page is as `If-None-Match` says")),
    extensions(("x-stoa" = json!(policy::optional().cached())))
)]
pub(super) async fn list(
    State(catalogue): State<Catalogue>,
    Query(params): Query<ListParams>,
    caller: Option<Caller>,
    wanted: IfNoneMatch,
) -> Result<Response, Problem> {
    let view = view_of(caller.as_ref());
    let query = params.check(view)?;
    if view == View::Admin {
        let answer = page(&catalogue, &query).await.map_err(|error| refused(&error))?;
        return Ok(conditional(answer, &wanted));
    }
    let key = serde_json::to_string(&query).expect("a query is JSON");
    let (catalogue, query) = (&catalogue, &query);
    let mark = || catalogue.service.freshness().of_lists();
    let answer = catalogue.lists.get(key.into(), mark, || page(catalogue, query)).await;
    Ok(conditional(answer.map_err(|error| refused(&error))?, &wanted))
}

async fn page(catalogue: &Catalogue, query: &ListProducts) -> Result<Answer, ProductsError> {
    let page = catalogue.service.list(query).await?;
    let list = ProductList {
        items: page.items,
        next_cursor: page.next_cursor,
        total: page.total,
    };
    Ok(Answer::of_body(serde_json::to_vec(&list).expect("a page is JSON")))
}

impl ListParams {
    fn check(self, view: View) -> Result<ListProducts, Problem> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        let query = ListProducts {
            view,
            q: self.q,
            category: self.category,
            tag: self.tag,
            family: self.family,
            min_price: self.min_price,
            max_price: self.max_price,
            currency: self.currency,
            in_stock: self.in_stock,
            group_by_family: self.group.is_some(),
            sort: self.sort,
            limit: u32::try_from(limit).unwrap_or(1),
            cursor: self.cursor,
            count: self.count,
        };
        let mut faults = query.faults("?");
        if !(1..=100).contains(&limit) {
            faults.add("?limit", "must be between 1 and 100");
        }
        faults.finish()?;
        Ok(query)
    }
}
