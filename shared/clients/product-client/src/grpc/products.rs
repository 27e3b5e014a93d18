//! The catalogue over gRPC.

use std::time::Duration;

use async_trait::async_trait;
use platform_rpc::{AskError, GrpcNeighbour, Repeat, grpc_request};
use product_api::calls::{ChangesSince, DeleteProduct, GetProduct, GetProducts, ProductsFound, UpdateProduct};
use product_api::grpc::MessageError;
use product_api::grpc::proto;
use product_api::grpc::proto::product_service_client::ProductServiceClient;
use product_api::{
    ChangesPage, ListProducts, NewProduct, Product, ProductPage, ProductUpdate, Products, ProductsError, View,
};
use tonic::{Response, Status};
use values::ProductId;

use super::MAX_ANSWER_BYTES;
use crate::unknown;

/// A catalogue in other processes.
#[derive(Clone)]
pub struct GrpcProducts(ProductServiceClient<GrpcNeighbour>);

/// A page of changes is long.
const CHANGES_WITHIN: Duration = Duration::from_secs(10);

impl GrpcProducts {
    /// The catalogue of a neighbour.
    pub fn new(neighbour: GrpcNeighbour) -> Self {
        Self(ProductServiceClient::new(neighbour).max_decoding_message_size(MAX_ANSWER_BYTES))
    }

    fn client(&self) -> ProductServiceClient<GrpcNeighbour> {
        self.0.clone()
    }
}

#[async_trait]
impl Products for GrpcProducts {
    async fn get(&self, id: ProductId, view: View) -> Result<Product, ProductsError> {
        let message = proto::GetProductRequest::from(GetProduct { id, view });
        let request = grpc_request(message, Repeat::Harmless);
        read(self.client().get_product(request).await)
    }

    async fn get_many(&self, ids: &[ProductId], view: View) -> Result<Vec<Product>, ProductsError> {
        let ids = ids.to_vec();
        let message = proto::BatchGetProductsRequest::from(GetProducts { ids, view });
        let request = grpc_request(message, Repeat::Harmless);
        let found: ProductsFound = read(self.client().batch_get_products(request).await)?;
        Ok(found.items)
    }

    async fn list(&self, query: &ListProducts) -> Result<ProductPage, ProductsError> {
        let message = proto::ListProductsRequest::from(query.clone());
        let request = grpc_request(message, Repeat::Harmless);
        read(self.client().list_products(request).await)
    }

    async fn create(&self, new: NewProduct) -> Result<Product, ProductsError> {
        let message = proto::CreateProductRequest::from(new);
        read(self.client().create_product(message).await)
    }

    async fn update(
        &self,
        id: ProductId,
        update: ProductUpdate,
        expected_version: Option<i64>,
    ) -> Result<Product, ProductsError> {
        let message = proto::UpdateProductRequest::from(UpdateProduct {
            id,
            update,
            expected_version,
        });
        read(self.client().update_product(message).await)
    }

    async fn delete(&self, id: ProductId, expected_version: Option<i64>) -> Result<(), ProductsError> {
        let message = proto::DeleteProductRequest::from(DeleteProduct { id, expected_version });
        let deleted = self.client().delete_product(message).await;
        deleted.map(drop).map_err(|status| unknown::products(status.into()))
    }

    async fn changes_since(&self, cursor: Option<&str>, limit: u32) -> Result<ChangesPage, ProductsError> {
        let cursor = cursor.map(ToOwned::to_owned);
        let message = proto::ListProductChangesRequest::from(ChangesSince { cursor, limit });
        let mut request = grpc_request(message, Repeat::Harmless);
        request.set_timeout(CHANGES_WITHIN);
        read(self.client().list_product_changes(request).await)
    }
}

/// A message that cannot be what it stands for is no answer.
fn read<M, T>(answered: Result<Response<M>, Status>) -> Result<T, ProductsError>
where
    T: TryFrom<M, Error = MessageError>,
{
    let message = answered.map_err(|status| unknown::products(status.into()))?;
    let read = T::try_from(message.into_inner());
    read.map_err(|error| unknown::products(AskError::Unknown(error.into())))
}
