//! Orders over gRPC.

use std::time::Duration;

use async_trait::async_trait;
use order_api::calls::{RecordsAfter, RecordsFound, RecordsOf};
use order_api::grpc::MessageError;
use order_api::grpc::proto;
use order_api::grpc::proto::order_service_client::OrderServiceClient;
use order_api::{OrderRecord, OrderRecordPage, Orders, OrdersError};
use platform_rpc::{AskError, GrpcNeighbour, Repeat, grpc_request};
use tonic::{Request, Response, Status};
use values::OrderId;

/// Orders in other processes.
#[derive(Clone)]
pub struct GrpcOrders(OrderServiceClient<GrpcNeighbour>);

/// Who reconciles reads all of it.
const WITHIN: Duration = Duration::from_secs(10);

/// The most bytes of an answer: a page of a thousand orders of a hundred lines.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

impl GrpcOrders {
    /// The orders of a neighbour.
    pub fn new(neighbour: GrpcNeighbour) -> Self {
        Self(OrderServiceClient::new(neighbour).max_decoding_message_size(MAX_ANSWER_BYTES))
    }
}

#[async_trait]
impl Orders for GrpcOrders {
    async fn list(&self, after: Option<OrderId>, limit: u32) -> Result<OrderRecordPage, OrdersError> {
        let request = patient(proto::ListOrdersRequest::from(RecordsAfter { after, limit }));
        read(self.0.clone().list_orders(request).await)
    }

    async fn get_many(&self, ids: &[OrderId]) -> Result<Vec<OrderRecord>, OrdersError> {
        let request = patient(proto::BatchGetOrdersRequest::from(RecordsOf { ids: ids.to_vec() }));
        let found: RecordsFound = read(self.0.clone().batch_get_orders(request).await)?;
        Ok(found.items)
    }
}

fn patient<M>(message: M) -> Request<M> {
    let mut request = grpc_request(message, Repeat::Harmless);
    request.set_timeout(WITHIN);
    request
}

/// A message that cannot be what it stands for is no answer.
fn read<M, T>(answered: Result<Response<M>, Status>) -> Result<T, OrdersError>
where
    T: TryFrom<M, Error = MessageError>,
{
    let unknown = |error: AskError| OrdersError::Unavailable(Some(error.into()));
    let message = answered.map_err(|status| unknown(status.into()))?;
    let read = T::try_from(message.into_inner());
    read.map_err(|error| unknown(AskError::Unknown(error.into())))
}
