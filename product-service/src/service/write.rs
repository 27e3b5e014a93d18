//! Creating, replacing and removing products, and changing what is on the shelf.

use product_api::{NewProduct, Product, ProductUpdate, ProductsError};
use values::{ProductId, Timestamp};

use super::{ProductService, ServiceError};
use crate::store::{Act, Answered, Once, ProductRecord, StockChange};

/// Who asks for a write, and on which request.
#[derive(Debug, Clone, Default)]
pub struct By {
    /// The account or client that asks.
    pub actor: Option<String>,
    /// The request it is part of.
    pub request_id: Option<String>,
    /// The trace it is part of.
    pub traceparent: Option<String>,
}

impl By {
    /// The act of writing at a moment.
    pub fn at(self, at: Timestamp) -> Act {
        Act {
            at,
            actor: self.actor,
            request_id: self.request_id,
            traceparent: self.traceparent,
        }
    }
}

impl ProductService {
    /// Puts a product on sale; with a key, once.
    pub async fn create_once(&self, new: NewProduct, by: By, once: Option<Once>) -> Result<Answered, ServiceError> {
        let now = self.clock.now();
        let product = product_of(new.details, self.clock.new_id().into(), new.stock, now);
        let answered = self.store.create(ProductRecord::new(product), by.at(now), once).await?;
        self.note(&answered);
        Ok(answered)
    }

    /// Puts a product on sale, each time it is called.
    pub async fn create_by(&self, new: NewProduct, by: By) -> Result<Product, ProductsError> {
        match self.create_once(new, by, None).await {
            Ok(Answered::Now(product)) => Ok(*product),
            Ok(Answered::Before(_)) => Err(ProductsError::Unavailable(Some("an answer without a question".into()))),
            Err(error) => Err(error.into_products_error()),
        }
    }

    /// Replaces all but stock.
    pub async fn replace(
        &self,
        id: ProductId,
        update: ProductUpdate,
        expected_version: Option<i64>,
        by: By,
    ) -> Result<Product, ProductsError> {
        let now = self.clock.now();
        let record = ProductRecord::new(product_of(update, id, None, now));
        let updated = self.store.update(record, expected_version, by.at(now)).await;
        self.touch(id);
        Ok(updated?)
    }

    /// Takes a product off sale for good.
    pub async fn remove(&self, id: ProductId, expected_version: Option<i64>, by: By) -> Result<(), ProductsError> {
        let deleted = self.store.delete(id, expected_version, by.at(self.clock.now())).await;
        self.touch(id);
        Ok(deleted?)
    }

    /// Changes what is on the shelf beside running sales; with a key, once.
    pub async fn change_stock(
        &self,
        id: ProductId,
        change: StockChange,
        reason: String,
        by: By,
        once: Option<Once>,
    ) -> Result<Answered, ServiceError> {
        let act = by.at(self.clock.now());
        let answered = self.store.change_stock(id, change, reason, act, once).await;
        self.freshness.touch(id.as_uuid());
        Ok(answered?)
    }

    /// Keeps a refusal as the answer to its key; gives the answer that the key has then.
    pub async fn remember_refusal(
        &self,
        once: &Once,
        answer: platform_sql::idempotency::StoredAnswer,
    ) -> Result<Answered, ServiceError> {
        let act = By::default().at(self.clock.now());
        Ok(self.store.remember_refusal(once.key.clone(), answer, act).await?)
    }

    fn note(&self, answered: &Answered) {
        if let Answered::Now(product) = answered {
            self.touch(product.id);
        }
    }
}

/// A product as it is at first.
pub(super) fn product_of(details: ProductUpdate, id: ProductId, stock: Option<i64>, now: Timestamp) -> Product {
    Product {
        id,
        sku: details.sku,
        name: details.name,
        description: details.description,
        category: details.category,
        tags: details.tags,
        vendor: details.vendor,
        images: details.images,
        family: details.family,
        options: details.options,
        price: details.price,
        compare_at_price: details.compare_at_price,
        stock,
        published: details.published,
        barcode: details.barcode,
        weight_grams: details.weight_grams,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}
