//! The catalogue behind a switch.

use async_trait::async_trait;
use platform_rpc::Switch;
use product_api::{
    ChangesPage, ListProducts, NewProduct, Product, ProductPage, ProductUpdate, Products, ProductsError, View,
};
use std::sync::Arc;
use values::ProductId;

/// Products behind a switch.
pub struct SwitchedProducts(pub Switch<dyn Products>);

impl SwitchedProducts {
    fn for_writing(&self) -> Result<Arc<dyn Products>, ProductsError> {
        self.0.for_writing().ok_or(ProductsError::Unavailable(None))
    }
}

#[async_trait]
impl Products for SwitchedProducts {
    async fn get(&self, id: ProductId, view: View) -> Result<Product, ProductsError> {
        self.0.for_reading().get(id, view).await
    }

    async fn get_many(&self, ids: &[ProductId], view: View) -> Result<Vec<Product>, ProductsError> {
        self.0.for_reading().get_many(ids, view).await
    }

    async fn list(&self, query: &ListProducts) -> Result<ProductPage, ProductsError> {
        self.0.for_reading().list(query).await
    }

    async fn create(&self, new: NewProduct) -> Result<Product, ProductsError> {
        self.for_writing()?.create(new).await
    }

    async fn update(
        &self,
        id: ProductId,
        update: ProductUpdate,
        expected_version: Option<i64>,
    ) -> Result<Product, ProductsError> {
        self.for_writing()?.update(id, update, expected_version).await
    }

    async fn delete(&self, id: ProductId, expected_version: Option<i64>) -> Result<(), ProductsError> {
        self.for_writing()?.delete(id, expected_version).await
    }

    async fn changes_since(&self, cursor: Option<&str>, limit: u32) -> Result<ChangesPage, ProductsError> {
        self.0.for_reading().changes_since(cursor, limit).await
    }
}
