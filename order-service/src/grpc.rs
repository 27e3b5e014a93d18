//! gRPC: the service of the contract. Each method reads a message, calls the service and writes the answer.

use std::sync::Arc;

use order_api::calls::{RecordsAfter, RecordsFound, RecordsOf};
use order_api::grpc::DESCRIPTORS;
use order_api::grpc::proto;
use order_api::grpc::proto::order_service_server::{OrderService as Api, OrderServiceServer};
use order_api::{Orders, OrdersError};
use platform_runtime::grpc::{Callers, GrpcRouter, unreadable};
use platform_runtime::router::Guard;
use tonic::{Request, Response, Status};

use crate::http::refused;

/// The most bytes of a request.
const MESSAGE_LIMIT: usize = 64 * 1024;

/// All of them, behind a guard.
pub(crate) fn services(orders: Arc<dyn Orders>, guard: &Guard) -> GrpcRouter {
    let orders = OrderServiceServer::new(OrderServer(orders)).max_decoding_message_size(MESSAGE_LIMIT);
    let methods = [("ListOrders", Callers::Services), ("BatchGetOrders", Callers::Services)];
    GrpcRouter::new().service(orders, DESCRIPTORS, guard, &methods)
}

struct OrderServer(Arc<dyn Orders>);

#[tonic::async_trait]
impl Api for OrderServer {
    async fn list_orders(
        &self,
        request: Request<proto::ListOrdersRequest>,
    ) -> Result<Response<proto::ListOrdersResponse>, Status> {
        let call = RecordsAfter::try_from(request.into_inner()).map_err(unreadable)?;
        answer(self.0.list(call.after, call.limit).await)
    }

    async fn batch_get_orders(
        &self,
        request: Request<proto::BatchGetOrdersRequest>,
    ) -> Result<Response<proto::BatchGetOrdersResponse>, Status> {
        let call = RecordsOf::try_from(request.into_inner()).map_err(unreadable)?;
        let found = self.0.get_many(&call.ids).await;
        answer(found.map(|items| RecordsFound { items }))
    }
}

fn answer<T, M: From<T>>(answered: Result<T, OrdersError>) -> Result<Response<M>, Status> {
    match answered {
        Ok(answer) => Ok(Response::new(answer.into())),
        Err(error) => Err(refused(&error).into()),
    }
}
