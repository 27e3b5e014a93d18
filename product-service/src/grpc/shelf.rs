//! The stock.

use std::sync::Arc;

use platform_runtime::grpc::unreadable;
use product_api::calls::{FaultsFound, ForOrder, Outcome, ReservationsAfter, STOCK, Sell, SellMany};
use product_api::grpc::proto;
use product_api::grpc::proto::stock_service_server::StockService as Api;
use product_api::{Stock, StockError, StockRequest};
use tonic::{Request, Response, Status};

use crate::{refusal, sales};

/// The stock behind the methods.
pub(super) struct StockServer(pub(super) Arc<dyn Stock>);

#[tonic::async_trait]
impl Api for StockServer {
    async fn reserve(&self, request: Request<proto::ReserveRequest>) -> Result<Response<proto::Reservation>, Status> {
        let request = StockRequest::try_from(request.into_inner()).map_err(unreadable)?;
        answer(self.0.reserve(&request).await)
    }

    async fn sell(&self, request: Request<proto::SellRequest>) -> Result<Response<proto::Reservation>, Status> {
        let Sell { request, mode } = Sell::try_from(request.into_inner()).map_err(unreadable)?;
        answer(self.0.sell(&request, mode).await)
    }

    async fn sell_many(
        &self,
        request: Request<proto::SellManyRequest>,
    ) -> Result<Response<proto::SellManyResponse>, Status> {
        let many = SellMany::try_from(request.into_inner()).map_err(unreadable)?;
        answer(Ok(sales::sell_many(&*self.0, &many).await))
    }

    async fn confirm(
        &self,
        request: Request<proto::ConfirmRequest>,
    ) -> Result<Response<proto::ConfirmResponse>, Status> {
        let call = ForOrder::try_from(request.into_inner()).map_err(unreadable)?;
        outcome(self.0.confirm(call.order_id).await)
    }

    async fn release(
        &self,
        request: Request<proto::ReleaseRequest>,
    ) -> Result<Response<proto::ReleaseResponse>, Status> {
        let call = ForOrder::try_from(request.into_inner()).map_err(unreadable)?;
        outcome(self.0.release(call.order_id).await)
    }

    async fn return_goods(
        &self,
        request: Request<proto::ReturnGoodsRequest>,
    ) -> Result<Response<proto::ReturnGoodsResponse>, Status> {
        let call = ForOrder::try_from(request.into_inner()).map_err(unreadable)?;
        outcome(self.0.return_goods(call.order_id).await)
    }

    async fn list_reservations(
        &self,
        request: Request<proto::ListReservationsRequest>,
    ) -> Result<Response<proto::ListReservationsResponse>, Status> {
        let call = ReservationsAfter::try_from(request.into_inner()).map_err(unreadable)?;
        answer(self.0.reservations(call.after, call.limit).await)
    }

    async fn list_faults(
        &self,
        _: Request<proto::ListFaultsRequest>,
    ) -> Result<Response<proto::ListFaultsResponse>, Status> {
        let found = self.0.faults().await;
        answer(found.map(|faults| FaultsFound { faults }))
    }
}

fn answer<T, M: From<T>>(answered: Result<T, StockError>) -> Result<Response<M>, Status> {
    match answered {
        Ok(answer) => Ok(Response::new(answer.into())),
        Err(error) => Err(refusal::of_stock(&error).of(STOCK).into()),
    }
}

fn outcome<T, M: From<Outcome<T>>>(answered: Result<T, StockError>) -> Result<Response<M>, Status> {
    answer(answered.map(|outcome| Outcome { outcome }))
}
