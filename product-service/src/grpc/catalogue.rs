//! The catalogue.

use platform_identity::VerifiedPrincipal;
use platform_problem::{Faults, Problem, codes};
use platform_runtime::context::RequestContext;
use platform_runtime::grpc::unreadable;
use product_api::calls::{ChangesSince, DeleteProduct, GetProduct, GetProducts, PRODUCTS, ProductsFound};
use product_api::grpc::proto;
use product_api::grpc::proto::product_service_server::ProductService as Api;
use product_api::{ListProducts, Products as _, ProductsError};
use tonic::{Extensions, Request, Response, Status};
use values::ProductId;

use super::draft::{draft_of, stock_of};
use crate::caller::by;
use crate::refusal;
use crate::service::{By, ProductDraft, ProductService};

/// The catalogue behind the methods.
pub(super) struct CatalogueServer(pub(super) ProductService);

#[tonic::async_trait]
impl Api for CatalogueServer {
    async fn get_product(
        &self,
        request: Request<proto::GetProductRequest>,
    ) -> Result<Response<proto::Product>, Status> {
        let call = GetProduct::try_from(request.into_inner()).map_err(unreadable)?;
        answer(self.0.get(call.id, call.view).await)
    }

    async fn batch_get_products(
        &self,
        request: Request<proto::BatchGetProductsRequest>,
    ) -> Result<Response<proto::BatchGetProductsResponse>, Status> {
        let call = GetProducts::try_from(request.into_inner()).map_err(unreadable)?;
        let found = self.0.get_many(&call.ids, call.view).await;
        answer(found.map(|items| ProductsFound { items }))
    }

    async fn list_products(
        &self,
        request: Request<proto::ListProductsRequest>,
    ) -> Result<Response<proto::ListProductsResponse>, Status> {
        let query = ListProducts::try_from(request.into_inner()).map_err(unreadable)?;
        query.faults("/").finish()?;
        answer(self.0.list(&query).await)
    }

    async fn create_product(
        &self,
        request: Request<proto::CreateProductRequest>,
    ) -> Result<Response<proto::Product>, Status> {
        let by = writer(request.extensions())?;
        let proto::CreateProductRequest { details, stock } = request.into_inner();
        let mut faults = Faults::default();
        let draft = ProductDraft {
            stock: stock_of(stock),
            ..draft_of(details.unwrap_or_default(), &mut faults)
        };
        let Some(new) = draft.into_new(&mut faults) else {
            return Err(faults.into_problem().into());
        };
        answer(self.0.create_by(new, by).await)
    }

    async fn update_product(
        &self,
        request: Request<proto::UpdateProductRequest>,
    ) -> Result<Response<proto::Product>, Status> {
        let by = writer(request.extensions())?;
        let proto::UpdateProductRequest {
            id,
            details,
            expected_version,
        } = request.into_inner();
        let mut faults = Faults::default();
        let id: Option<ProductId> = faults.take("/id", id.parse());
        let draft = draft_of(details.unwrap_or_default(), &mut faults);
        let update = draft.into_update(&mut faults);
        let (Some(id), Some(update)) = (id, update) else {
            return Err(faults.into_problem().into());
        };
        answer(self.0.replace(id, update, expected_version, by).await)
    }

    async fn delete_product(
        &self,
        request: Request<proto::DeleteProductRequest>,
    ) -> Result<Response<proto::DeleteProductResponse>, Status> {
        let by = writer(request.extensions())?;
        let call = DeleteProduct::try_from(request.into_inner()).map_err(unreadable)?;
        let removed = self.0.remove(call.id, call.expected_version, by).await;
        answer(removed.map(|()| proto::DeleteProductResponse {}))
    }

    async fn list_product_changes(
        &self,
        request: Request<proto::ListProductChangesRequest>,
    ) -> Result<Response<proto::ListProductChangesResponse>, Status> {
        let call = ChangesSince::from(request.into_inner());
        answer(self.0.changes_since(call.cursor.as_deref(), call.limit).await)
    }
}

fn answer<T, M: From<T>>(answered: Result<T, ProductsError>) -> Result<Response<M>, Status> {
    match answered {
        Ok(answer) => Ok(Response::new(answer.into())),
        Err(error) => Err(refusal::of_products(&error).of(PRODUCTS).into()),
    }
}

/// Whom the guard let in.
fn writer(extensions: &Extensions) -> Result<By, Status> {
    let VerifiedPrincipal(principal) = extensions.get().ok_or_else(|| Problem::new(&codes::UNAUTHENTICATED))?;
    let context = extensions.get().cloned().unwrap_or_else(RequestContext::detached);
    Ok(by(principal, &context))
}
