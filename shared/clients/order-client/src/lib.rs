//! What a process needs to reach orders, wherever they are.
//!
//! [`SwitchedOrders`] is what a caller holds; it hands each call to the neighbour its switch points to. The contract only
//! reads, so a frozen neighbour answers all of it. A neighbour in another process is [`connect`]ed to: by the scheme of its
//! target over HTTP ([`HttpOrders`]) or gRPC ([`GrpcOrders`]).

mod connect;
mod grpc;
mod http;

use async_trait::async_trait;
use order_api::{OrderRecord, OrderRecordPage, Orders, OrdersError};
use platform_rpc::Switch;
use values::OrderId;

pub use connect::{Remote, connect};
pub use grpc::GrpcOrders;
pub use http::HttpOrders;

/// Orders behind a switch.
pub struct SwitchedOrders(pub Switch<dyn Orders>);

#[async_trait]
impl Orders for SwitchedOrders {
    async fn list(&self, after: Option<OrderId>, limit: u32) -> Result<OrderRecordPage, OrdersError> {
        self.0.for_reading().list(after, limit).await
    }

    async fn get_many(&self, ids: &[OrderId]) -> Result<Vec<OrderRecord>, OrdersError> {
        self.0.for_reading().get_many(ids).await
    }
}
