//! The stock behind a switch.

use async_trait::async_trait;
use platform_rpc::Switch;
use product_api::{
    Confirmed, Released, Reservation, ReservationPage, Returned, SaleMode, Stock, StockError, StockFault, StockRequest,
};
use std::sync::Arc;
use values::OrderId;

/// Stock behind a switch.
pub struct SwitchedStock(pub Switch<dyn Stock>);

impl SwitchedStock {
    fn for_writing(&self) -> Result<Arc<dyn Stock>, StockError> {
        self.0.for_writing().ok_or(StockError::Unavailable(None))
    }
}

#[async_trait]
impl Stock for SwitchedStock {
    async fn reserve(&self, request: &StockRequest) -> Result<Reservation, StockError> {
        self.for_writing()?.reserve(request).await
    }

    async fn sell(&self, request: &StockRequest, mode: SaleMode) -> Result<Reservation, StockError> {
        self.for_writing()?.sell(request, mode).await
    }

    async fn confirm(&self, order_id: OrderId) -> Result<Confirmed, StockError> {
        self.for_writing()?.confirm(order_id).await
    }

    async fn release(&self, order_id: OrderId) -> Result<Released, StockError> {
        self.for_writing()?.release(order_id).await
    }

    async fn return_goods(&self, order_id: OrderId) -> Result<Returned, StockError> {
        self.for_writing()?.return_goods(order_id).await
    }

    async fn reservations(&self, after: Option<OrderId>, limit: u32) -> Result<ReservationPage, StockError> {
        self.0.for_reading().reservations(after, limit).await
    }

    async fn faults(&self) -> Result<Vec<StockFault>, StockError> {
        self.0.for_reading().faults().await
    }
}
