//! Lists.

use values::grpc::{MessageError, each, field, not_known, required};

use super::catalogue::optional_money;
use super::proto;
use super::value::view_of;
use crate::{ListProducts, ListedProduct, Product, ProductPage, Sort};

/// Rows of a page where nothing else is said.
const DEFAULT_LIMIT: u32 = 20;

impl From<ListProducts> for proto::ListProductsRequest {
    fn from(query: ListProducts) -> Self {
        Self {
            view: proto::View::from(query.view).into(),
            q: query.q,
            category: query.category,
            tag: query.tag,
            family: query.family,
            min_price: query.min_price,
            max_price: query.max_price,
            currency: query.currency.map(|currency| currency.code().to_owned()),
            in_stock: query.in_stock,
            group_by_family: query.group_by_family,
            sort: query.sort.map_or(proto::Sort::Unspecified, Into::into).into(),
            limit: Some(query.limit),
            cursor: query.cursor,
            count: query.count,
        }
    }
}

impl TryFrom<proto::ListProductsRequest> for ListProducts {
    type Error = MessageError;

    fn try_from(request: proto::ListProductsRequest) -> Result<Self, MessageError> {
        let currency = request.currency.as_deref();
        Ok(Self {
            view: view_of(request.view)?,
            q: request.q,
            category: request.category,
            tag: request.tag,
            family: request.family,
            min_price: request.min_price,
            max_price: request.max_price,
            currency: field("currency", currency.map(str::parse).transpose())?,
            in_stock: request.in_stock,
            group_by_family: request.group_by_family,
            sort: sort_of(request.sort)?,
            limit: request.limit.unwrap_or(DEFAULT_LIMIT),
            cursor: request.cursor,
            count: request.count,
        })
    }
}

impl From<Sort> for proto::Sort {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Newest => Self::Newest,
            Sort::Oldest => Self::Oldest,
            Sort::Cheapest => Self::Cheapest,
            Sort::Dearest => Self::Dearest,
            Sort::Name => Self::Name,
            Sort::Relevance => Self::Relevance,
        }
    }
}

fn sort_of(sort: i32) -> Result<Option<Sort>, MessageError> {
    Ok(Some(match proto::Sort::try_from(sort) {
        Ok(proto::Sort::Unspecified) => return Ok(None),
        Ok(proto::Sort::Newest) => Sort::Newest,
        Ok(proto::Sort::Oldest) => Sort::Oldest,
        Ok(proto::Sort::Cheapest) => Sort::Cheapest,
        Ok(proto::Sort::Dearest) => Sort::Dearest,
        Ok(proto::Sort::Name) => Sort::Name,
        Ok(proto::Sort::Relevance) => Sort::Relevance,
        Err(_) => return field("sort", Err(not_known())),
    }))
}

impl From<ListedProduct> for proto::ListedProduct {
    fn from(row: ListedProduct) -> Self {
        Self {
            product: Some(row.product.into()),
            price_from: row.price_from.map(Into::into),
            variants: row.variants,
        }
    }
}

impl TryFrom<proto::ListedProduct> for ListedProduct {
    type Error = MessageError;

    fn try_from(row: proto::ListedProduct) -> Result<Self, MessageError> {
        let product = required("product", row.product)?;
        Ok(Self {
            product: field("product", Product::try_from(product))?,
            price_from: optional_money("price_from", row.price_from)?,
            variants: row.variants,
        })
    }
}

impl From<ProductPage> for proto::ListProductsResponse {
    fn from(page: ProductPage) -> Self {
        Self {
            items: page.items.into_iter().map(Into::into).collect(),
            next_cursor: page.next_cursor,
            total: page.total,
        }
    }
}

impl TryFrom<proto::ListProductsResponse> for ProductPage {
    type Error = MessageError;

    fn try_from(response: proto::ListProductsResponse) -> Result<Self, MessageError> {
        Ok(Self {
            items: each("items", response.items, ListedProduct::try_from)?,
            next_cursor: response.next_cursor,
            total: response.total,
        })
    }
}
