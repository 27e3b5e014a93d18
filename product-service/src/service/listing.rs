//! Lists: what is asked for, resolved; and their cursors.

use platform_sql::cursor::{self, CursorError};
use product_api::{ListProducts, ListedProduct, ProductPage, ProductsError, Sort};
use serde::de::DeserializeOwned;
use uuid::Uuid;
use values::{Currency, Money};

use super::ProductService;
use crate::store::{ListQuery, Listed, Order, Place, SearchTerms};

/// The most rows of a page.
const MAX_LIMIT: u32 = 100;

impl ProductService {
    /// A page of the catalogue.
    pub(super) async fn page(&self, asked: &ListProducts) -> Result<ProductPage, ProductsError> {
        let text = asked.q.as_deref().filter(|text| !text.trim().is_empty());
        let search = text.map(SearchTerms::of);
        let order = order_of(asked.sort, search.is_some());
        let currency = self.currency_of(asked, order);
        let list = identity(asked, order, currency);
        let after = asked
            .cursor
            .as_deref()
            .map(|cursor| place_of(&list, order, cursor))
            .transpose()?;
        let search = match search {
            // A text without a word: nothing matches.
            Some(None) => {
                return Ok(ProductPage {
                    items: Vec::new(),
                    next_cursor: None,
                    total: asked.count.then_some(0),
                });
            }
            Some(terms) => terms,
            None => None,
        };
        let limit = asked.limit.clamp(1, MAX_LIMIT);
        let query = ListQuery {
            view: asked.view,
            search,
            category: asked.category.clone(),
            tag: asked.tag.clone(),
            family: asked.family.clone(),
            min_price: asked.min_price,
            max_price: asked.max_price,
            currency,
            in_stock: asked.in_stock,
            group_by_family: asked.group_by_family,
            order,
            after,
            limit: limit + 1,
        };
        let mut rows = self.store.list(&query).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let last = rows.last().filter(|_| more);
        let total = if asked.count {
            Some(self.store.count(&query).await?)
        } else {
            None
        };
        Ok(ProductPage {
            next_cursor: last.map(|row| cursor_of(&list, &row.place)),
            items: rows.into_iter().map(listed).collect(),
            total,
        })
    }

    /// Prices are compared within one currency; where none are compared, all currencies take part.
    fn currency_of(&self, asked: &ListProducts, order: Order) -> Option<Currency> {
        let compares_prices =
            asked.min_price.is_some() || asked.max_price.is_some() || matches!(order, Order::Cheapest | Order::Dearest);
        compares_prices.then(|| asked.currency.unwrap_or(self.currency))
    }
}

fn order_of(sort: Option<Sort>, searches: bool) -> Order {
    match sort {
        Some(Sort::Oldest) => Order::Oldest,
        Some(Sort::Cheapest) => Order::Cheapest,
        Some(Sort::Dearest) => Order::Dearest,
        Some(Sort::Name) => Order::Name,
        Some(Sort::Relevance) | None if searches => Order::Relevance,
        Some(Sort::Newest | Sort::Relevance) | None => Order::Newest,
    }
}

fn listed(row: Listed) -> ListedProduct {
    let currency = row.product.price.currency();
    ListedProduct {
        price_from: row.group.and_then(|(least, _)| Money::new(least, currency).ok()),
        variants: row.group.map(|(_, variants)| variants),
        product: row.product,
    }
}

/// Names a list in full, for its cursors; the view is not part of it, a cursor gives nothing away.
fn identity(asked: &ListProducts, order: Order, currency: Option<Currency>) -> String {
    let order = match order {
        Order::Newest => "-created_at",
        Order::Oldest => "created_at",
        Order::Cheapest => "price",
        Order::Dearest => "-price",
        Order::Name => "name",
        Order::Relevance => "relevance",
    };
    let parts = serde_json::json!([
        "products",
        order,
        asked.q,
        asked.category,
        asked.tag,
        asked.family,
        asked.min_price,
        asked.max_price,
        currency.map(Currency::code),
        asked.in_stock,
        asked.group_by_family,
    ]);
    parts.to_string()
}

fn cursor_of(list: &str, place: &Place) -> String {
    match place {
        Place::Time(at, id) => cursor::encode(list, &(at, id)),
        Place::Price(price, id) => cursor::encode(list, &(price, id)),
        Place::Name(name, id) => cursor::encode(list, &(name, id)),
        Place::Tier(tier, at, id) => cursor::encode(list, &(tier, at, id)),
    }
}

fn place_of(list: &str, order: Order, cursor: &str) -> Result<Place, ProductsError> {
    match order {
        Order::Newest | Order::Oldest => read(list, cursor).map(|(at, id)| Place::Time(at, id)),
        Order::Cheapest | Order::Dearest => read(list, cursor).map(|(price, id)| Place::Price(price, id)),
        Order::Name => {
            let (name, id): (String, Uuid) = read(list, cursor)?;
            // Keys have no such character, and Postgres takes no text with one.
            let is_key = !name.contains('\0');
            if is_key {
                Ok(Place::Name(name, id))
            } else {
                Err(ProductsError::CursorInvalid)
            }
        }
        Order::Relevance => read(list, cursor).map(|(tier, at, id)| Place::Tier(tier, at, id)),
    }
}

fn read<K: DeserializeOwned>(list: &str, cursor: &str) -> Result<K, ProductsError> {
    cursor::decode(list, cursor).map_err(refusal)
}

pub(super) fn refusal(error: CursorError) -> ProductsError {
    match error {
        CursorError::Invalid => ProductsError::CursorInvalid,
        CursorError::Mismatch => ProductsError::CursorMismatch,
    }
}
