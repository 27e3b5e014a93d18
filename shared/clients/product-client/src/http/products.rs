//! The catalogue over HTTP.

use std::time::Duration;

use async_trait::async_trait;
use platform_rpc::{Call, HttpNeighbour, Repeat};
use product_api::calls::{ChangesSince, DeleteProduct, GetProduct, GetProducts, ProductsFound, UpdateProduct};
use product_api::{
    ChangesPage, ListProducts, NewProduct, Product, ProductPage, ProductUpdate, Products, ProductsError, View,
};
use values::ProductId;

use crate::unknown;

/// A catalogue in other processes.
#[derive(Clone)]
pub struct HttpProducts(HttpNeighbour);

/// A page of changes is long.
const CHANGES_WITHIN: Duration = Duration::from_secs(10);

impl HttpProducts {
    /// The catalogue of a neighbour.
    pub fn new(neighbour: HttpNeighbour) -> Self {
        Self(neighbour)
    }
}

#[async_trait]
impl Products for HttpProducts {
    async fn get(&self, id: ProductId, view: View) -> Result<Product, ProductsError> {
        let call = Call::post("/internal/products/get").repeat(Repeat::Harmless);
        let call = call.json(&GetProduct { id, view });
        self.0.ask(call).await.map_err(unknown::products)
    }

    async fn get_many(&self, ids: &[ProductId], view: View) -> Result<Vec<Product>, ProductsError> {
        let call = Call::post("/internal/products/get-many").repeat(Repeat::Harmless);
        let ids = ids.to_vec();
        let found = self.0.ask(call.json(&GetProducts { ids, view })).await;
        found.map(|found: ProductsFound| found.items).map_err(unknown::products)
    }

    async fn list(&self, query: &ListProducts) -> Result<ProductPage, ProductsError> {
        let call = Call::post("/internal/products/list").repeat(Repeat::Harmless);
        self.0.ask(call.json(query)).await.map_err(unknown::products)
    }

    async fn create(&self, new: NewProduct) -> Result<Product, ProductsError> {
        let call = Call::post("/internal/products/create").json(&new);
        self.0.ask(call).await.map_err(unknown::products)
    }

    async fn update(
        &self,
        id: ProductId,
        update: ProductUpdate,
        expected_version: Option<i64>,
    ) -> Result<Product, ProductsError> {
        let call = Call::post("/internal/products/update").json(&UpdateProduct {
            id,
            update,
            expected_version,
        });
        self.0.ask(call).await.map_err(unknown::products)
    }

    async fn delete(&self, id: ProductId, expected_version: Option<i64>) -> Result<(), ProductsError> {
        let call = Call::post("/internal/products/delete").json(&DeleteProduct { id, expected_version });
        let deleted = self.0.ask_bytes(call).await;
        deleted.map(drop).map_err(unknown::products)
    }

    async fn changes_since(&self, cursor: Option<&str>, limit: u32) -> Result<ChangesPage, ProductsError> {
        let call = Call::post("/internal/products/changes").repeat(Repeat::Harmless);
        let cursor = cursor.map(ToOwned::to_owned);
        let call = call.within(CHANGES_WITHIN).json(&ChangesSince { cursor, limit });
        self.0.ask(call).await.map_err(unknown::products)
    }
}
