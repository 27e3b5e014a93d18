//! The stock over gRPC. What changes it is sent once: the caller repeats, for it must know what happened.

use std::time::Duration;

use async_trait::async_trait;
use platform_rpc::{AskError, GrpcNeighbour, Repeat, grpc_request};
use product_api::calls::{FaultsFound, ForOrder, Outcome, ReservationsAfter, Sales, Sell, SellMany};
use product_api::grpc::MessageError;
use product_api::grpc::proto;
use product_api::grpc::proto::stock_service_client::StockServiceClient;
use product_api::{
    Confirmed, Released, Reservation, ReservationPage, Returned, SaleMode, Stock, StockError, StockFault, StockRequest,
};
use tonic::{Response, Status};
use values::OrderId;

use super::MAX_ANSWER_BYTES;
use crate::sales::{Selling, Sells};
use crate::unknown;

/// A stock in other processes.
#[derive(Clone)]
pub struct GrpcStock {
    client: StockServiceClient<GrpcNeighbour>,
    selling: Selling<StockServiceClient<GrpcNeighbour>>,
}

/// Who reconciles reads all of it.
const READ_WITHIN: Duration = Duration::from_secs(10);

impl GrpcStock {
    /// The stock of a neighbour.
    pub fn new(neighbour: GrpcNeighbour) -> Self {
        let client = StockServiceClient::new(neighbour).max_decoding_message_size(MAX_ANSWER_BYTES);
        Self {
            selling: Selling::new(client.clone()),
            client,
        }
    }

    fn client(&self) -> StockServiceClient<GrpcNeighbour> {
        self.client.clone()
    }
}

impl Sells for StockServiceClient<GrpcNeighbour> {
    async fn ask_for_one(&self, sell: &Sell) -> Result<Reservation, AskError> {
        let message = proto::SellRequest::new(&sell.request, sell.mode);
        ask(self.clone().sell(message).await)
    }

    async fn ask_for_many(&self, many: SellMany) -> Result<Sales, AskError> {
        let message = proto::SellManyRequest::from(many);
        ask(self.clone().sell_many(message).await)
    }
}

#[async_trait]
impl Stock for GrpcStock {
    async fn reserve(&self, request: &StockRequest) -> Result<Reservation, StockError> {
        let message = proto::ReserveRequest::from(request);
        read(self.client().reserve(message).await)
    }

    async fn sell(&self, request: &StockRequest, mode: SaleMode) -> Result<Reservation, StockError> {
        let request = request.clone();
        self.selling.sell(Sell { request, mode }).await
    }

    async fn confirm(&self, order_id: OrderId) -> Result<Confirmed, StockError> {
        let message = proto::ConfirmRequest::from(ForOrder { order_id });
        outcome(self.client().confirm(message).await)
    }

    async fn release(&self, order_id: OrderId) -> Result<Released, StockError> {
        let message = proto::ReleaseRequest::from(ForOrder { order_id });
        outcome(self.client().release(message).await)
    }

    async fn return_goods(&self, order_id: OrderId) -> Result<Returned, StockError> {
        let message = proto::ReturnGoodsRequest::from(ForOrder { order_id });
        outcome(self.client().return_goods(message).await)
    }

    async fn reservations(&self, after: Option<OrderId>, limit: u32) -> Result<ReservationPage, StockError> {
        let message = proto::ListReservationsRequest::from(ReservationsAfter { after, limit });
        let mut request = grpc_request(message, Repeat::Harmless);
        request.set_timeout(READ_WITHIN);
        read(self.client().list_reservations(request).await)
    }

    async fn faults(&self) -> Result<Vec<StockFault>, StockError> {
        let mut request = grpc_request(proto::ListFaultsRequest {}, Repeat::Harmless);
        request.set_timeout(READ_WITHIN);
        let found: FaultsFound = read(self.client().list_faults(request).await)?;
        Ok(found.faults)
    }
}

fn outcome<M, T>(answered: Result<Response<M>, Status>) -> Result<T, StockError>
where
    Outcome<T>: TryFrom<M, Error = MessageError>,
{
    read(answered).map(|answer: Outcome<T>| answer.outcome)
}

fn read<M, T>(answered: Result<Response<M>, Status>) -> Result<T, StockError>
where
    T: TryFrom<M, Error = MessageError>,
{
    ask(answered).map_err(unknown::stock)
}

/// A message that cannot be what it stands for is no answer.
fn ask<M, T>(answered: Result<Response<M>, Status>) -> Result<T, AskError>
where
    T: TryFrom<M, Error = MessageError>,
{
    let read = T::try_from(answered?.into_inner());
    read.map_err(|error| AskError::Unknown(error.into()))
}
