//! The rules of the catalogue.

mod changes;
mod draft;
mod error;
mod export;
mod file;
mod import;
mod listing;
mod stock;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use platform_clock::Clock;
use platform_events::{Freshness, OutboxLog};
use product_api::{
    ChangesPage, ListProducts, NewProduct, Product, ProductPage, ProductUpdate, Products, ProductsError, View,
};
use values::{Currency, ProductId};

pub use draft::{Given, MoneyDraft, ProductDraft, StockDraft};
pub use error::ServiceError;
pub use file::{COLUMNS, FileFormat};
pub use import::{ImportError, ImportFailure, ImportOptions, ImportReport, Note};
pub use stock::StockService;
pub use write::By;

// What the use cases take and answer, so that an adapter need not know the store.
pub use crate::store::{Answered, Once, StockChange};

use crate::store::{ProductStore, Stores};

/// The catalogue. Cheap to clone.
#[derive(Clone)]
pub struct ProductService {
    store: Arc<dyn ProductStore>,
    log: Arc<dyn OutboxLog>,
    clock: Arc<dyn Clock>,
    freshness: Arc<Freshness>,
    /// What prices are in where nothing else is said.
    currency: Currency,
}

impl ProductService {
    /// A catalogue whose prices are in `currency` where nothing else is said.
    pub fn new(stores: &Stores, clock: Arc<dyn Clock>, currency: Currency) -> Self {
        Self {
            store: stores.products.clone(),
            log: stores.database.outbox_log(),
            clock,
            freshness: Arc::default(),
            currency,
        }
    }

    /// When what was read before may not be shown any more.
    pub fn freshness(&self) -> &Arc<Freshness> {
        &self.freshness
    }

    /// The catalogue changed at this product; where stock alone did, lists may be a second old.
    fn touch(&self, id: ProductId) {
        self.freshness.touch(id.as_uuid());
        self.freshness.touch_lists();
    }
}

#[async_trait]
impl Products for ProductService {
    async fn get(&self, id: ProductId, view: View) -> Result<Product, ProductsError> {
        let found = self.store.find(id, view).await?;
        found.ok_or(ProductsError::NotFound)
    }

    async fn get_many(&self, ids: &[ProductId], view: View) -> Result<Vec<Product>, ProductsError> {
        Ok(self.store.find_many(ids, view).await?)
    }

    async fn list(&self, query: &ListProducts) -> Result<ProductPage, ProductsError> {
        self.page(query).await
    }

    async fn create(&self, new: NewProduct) -> Result<Product, ProductsError> {
        self.create_by(new, By::default()).await
    }

    async fn update(
        &self,
        id: ProductId,
        update: ProductUpdate,
        expected_version: Option<i64>,
    ) -> Result<Product, ProductsError> {
        self.replace(id, update, expected_version, By::default()).await
    }

    async fn delete(&self, id: ProductId, expected_version: Option<i64>) -> Result<(), ProductsError> {
        self.remove(id, expected_version, By::default()).await
    }

    async fn changes_since(&self, cursor: Option<&str>, limit: u32) -> Result<ChangesPage, ProductsError> {
        self.changes_page(cursor, limit).await
    }
}
