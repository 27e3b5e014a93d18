//! The catalogue contract.

use async_trait::async_trait;
use platform_problem::{Faults, Problem, ReceivedProblem, codes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use values::{Currency, Money, ProductId, Sku};

use crate::calls::PRODUCTS;
use crate::problems::{FAMILY_OPTIONS_TAKEN, SKU_TAKEN};
use crate::{Image, Options, Product};

/// The catalogue, as other processes use it.
#[async_trait]
pub trait Products: Send + Sync + 'static {
    /// One product. `NotFound` if it does not exist, was deleted, or the view does not show it.
    async fn get(&self, id: ProductId, view: View) -> Result<Product, ProductsError>;

    /// Those of the products that exist and the view shows, in no promised order; at most 100 ids.
    async fn get_many(&self, ids: &[ProductId], view: View) -> Result<Vec<Product>, ProductsError>;

    /// A page of the catalogue.
    async fn list(&self, query: &ListProducts) -> Result<ProductPage, ProductsError>;

    /// Puts a product on sale. Not idempotent by itself: a second call with the same sku is refused.
    async fn create(&self, new: NewProduct) -> Result<Product, ProductsError>;

    /// Replaces all but stock. With an expected version it is a compare-and-set.
    async fn update(
        &self,
        id: ProductId,
        update: ProductUpdate,
        expected_version: Option<i64>,
    ) -> Result<Product, ProductsError>;

    /// Takes a product off sale for good. Orders keep their copy; the sku is free again.
    async fn delete(&self, id: ProductId, expected_version: Option<i64>) -> Result<(), ProductsError>;

    /// What changed since a cursor, of the catalogue and of the stock, at least once; from the beginning without one. For
    /// projections: the receiver keeps the highest `version` and `stock_seq` of each product.
    async fn changes_since(&self, cursor: Option<&str>, limit: u32) -> Result<ChangesPage, ProductsError>;
}

/// Whose eyes a product is read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Published products alone.
    Public,
    /// Unpublished ones too.
    Admin,
}

/// Filters, order and place of a list. Filters narrow each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ListProducts {
    /// Whose eyes.
    pub view: View,
    /// Words that must all occur; the last one may be a beginning.
    pub q: Option<String>,
    /// Exactly this category.
    pub category: Option<String>,
    /// Has this tag.
    pub tag: Option<String>,
    /// A variant of this family.
    pub family: Option<String>,
    /// Minor units of `currency`, inclusive.
    pub min_price: Option<i64>,
    /// Minor units of `currency`, inclusive.
    pub max_price: Option<i64>,
    /// What price filters and price sorts are within; products of another currency are left out of those.
    pub currency: Option<Currency>,
    /// Above zero or not counted.
    pub in_stock: bool,
    /// One row a family.
    pub group_by_family: bool,
    /// The order. Without one: relevance with `q`, else newest first.
    pub sort: Option<Sort>,
    /// At most so many rows, 1 to 100.
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Whether to count all matches.
    pub count: bool,
}

impl ListProducts {
    /// What is wrong with the filters, each with the prefix of a pointer: `?` for parameters, `/` for members.
    pub fn faults(&self, prefix: &str) -> Faults {
        let mut faults = Faults::default();
        let texts = [
            ("q", &self.q, 200),
            ("category", &self.category, 255),
            ("tag", &self.tag, 255),
            ("family", &self.family, 255),
        ];
        for (name, text, most) in texts {
            let text = text.as_deref().unwrap_or_default();
            if text.chars().count() > most {
                faults.add(format!("{prefix}{name}"), format!("must be at most {most} characters"));
            }
            // Nothing that is kept has one; any text can be searched for.
            if text.contains('\0') && name != "q" {
                faults.add(format!("{prefix}{name}"), "must not have a null character");
            }
        }
        for (name, price) in [("min_price", self.min_price), ("max_price", self.max_price)] {
            if price.is_some_and(|price| !(0..=Money::MAX_PRICE).contains(&price)) {
                let bounds = format!("must be between 0 and {}", Money::MAX_PRICE);
                faults.add(format!("{prefix}{name}"), bounds);
            }
        }
        faults
    }
}

/// The order of a list; ties are broken by id, so that an order is total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Sort {
    /// Newest first.
    #[serde(rename = "-created_at")]
    Newest,
    /// Oldest first.
    #[serde(rename = "created_at")]
    Oldest,
    /// Cheapest first.
    #[serde(rename = "price")]
    Cheapest,
    /// Dearest first.
    #[serde(rename = "-price")]
    Dearest,
    /// By name, as the search normalises it.
    #[serde(rename = "name")]
    Name,
    /// Best match first.
    #[serde(rename = "relevance")]
    Relevance,
}

/// A page of products.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProductPage {
    /// The rows, in the order asked for.
    pub items: Vec<ListedProduct>,
    /// Where the next page begins; none after the last.
    pub next_cursor: Option<String>,
    /// How many match in all, if that was asked for.
    pub total: Option<i64>,
}

/// A row of a list: a product, and with `group=family` what its family adds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ListedProduct {
    /// The product; of a family the member that comes first in the order asked for.
    #[serde(flatten)]
    pub product: Product,
    /// The lowest price among the family's members that match; only with `group=family`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_from: Option<Money>,
    /// How many members match; only with `group=family`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variants: Option<i64>,
}

/// A product to be created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NewProduct {
    /// All but its stock.
    #[serde(flatten)]
    pub details: ProductUpdate,
    /// How many there are; none: not counted.
    pub stock: Option<i64>,
}

/// All that can be written of a product but its stock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProductUpdate {
    /// Unique among the living.
    pub sku: Sku,
    /// 1 to 255 characters.
    pub name: String,
    /// Up to 100,000 bytes.
    pub description: String,
    /// Up to 255 characters.
    pub category: Option<String>,
    /// Up to 250, each up to 255 characters, none twice.
    pub tags: Vec<String>,
    /// Up to 255 characters.
    pub vendor: Option<String>,
    /// Up to 250.
    pub images: Vec<Image>,
    /// A handle: lower-case letters, digits and hyphens, up to 255 characters.
    pub family: Option<String>,
    /// Up to 10; no two living members of a family have the same.
    pub options: Options,
    /// What one piece costs.
    pub price: Money,
    /// In the same currency.
    pub compare_at_price: Option<Money>,
    /// Whether customers see it.
    pub published: bool,
    /// Up to 255 characters.
    pub barcode: Option<String>,
    /// 0 to 10^9.
    pub weight_grams: Option<i64>,
}

/// One product as it is now, for a projection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// Which.
    pub product_id: ProductId,
    /// Its sku.
    pub sku: Sku,
    /// Its name.
    pub name: String,
    /// What one piece costs.
    pub price: Money,
    /// What can still be bought; none: not counted.
    pub available: Option<i64>,
    /// Whether it can be bought at all: published and not deleted.
    pub for_sale: bool,
    /// Rises with every change of the catalogue.
    pub version: i64,
    /// Rises with every change of the stock.
    pub stock_seq: i64,
}

/// A page of changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChangesPage {
    /// The changes.
    pub items: Vec<Change>,
    /// To be given back for what comes after.
    pub cursor: String,
    /// Whether there is more right now.
    pub more: bool,
}

/// What a caller of the catalogue may be told beside an answer.
#[derive(Debug, thiserror::Error)]
pub enum ProductsError {
    /// There is none, or it is not to be seen.
    #[error("there is no such product")]
    NotFound,
    /// A living product has the sku.
    #[error("the sku is taken")]
    SkuTaken,
    /// A living member of the family has the same options.
    #[error("the family has a variant with these options")]
    OptionsTaken,
    /// The product has another version than expected.
    #[error("the product changed meanwhile")]
    VersionMismatch,
    /// The cursor cannot be read.
    #[error("the cursor is unreadable")]
    CursorInvalid,
    /// The cursor belongs to another list.
    #[error("the cursor belongs to other filters or another sort")]
    CursorMismatch,
    /// Nobody knows; try again.
    #[error("the catalogue is not available")]
    Unavailable(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
}

impl From<ProductsError> for Problem {
    fn from(error: ProductsError) -> Self {
        Self::from(&error)
    }
}

impl From<&ProductsError> for Problem {
    fn from(error: &ProductsError) -> Self {
        match error {
            ProductsError::NotFound => Self::new(&codes::NOT_FOUND),
            ProductsError::SkuTaken => Self::new(&SKU_TAKEN).field("/sku", "is taken"),
            ProductsError::OptionsTaken => Self::new(&FAMILY_OPTIONS_TAKEN).field("/options", "are taken"),
            ProductsError::VersionMismatch => Self::new(&codes::PRECONDITION_FAILED),
            ProductsError::CursorInvalid => Self::new(&codes::CURSOR_INVALID),
            ProductsError::CursorMismatch => Self::new(&codes::CURSOR_MISMATCH),
            ProductsError::Unavailable(_) => Self::new(&codes::UNAVAILABLE),
        }
    }
}

impl From<ReceivedProblem> for ProductsError {
    /// What the catalogue itself refused is that refusal again; after anything else nobody knows.
    fn from(received: ReceivedProblem) -> Self {
        let refusals = [
            Self::NotFound,
            Self::SkuTaken,
            Self::OptionsTaken,
            Self::VersionMismatch,
            Self::CursorInvalid,
            Self::CursorMismatch,
        ];
        let found = refusals
            .into_iter()
            .find(|refusal| received.is(PRODUCTS, &refusal.into()));
        found.unwrap_or_else(|| Self::Unavailable(Some(received.into())))
    }
}
