//! The place of the stock until product-service has one: every call is unavailable, so orders stay pending.

use async_trait::async_trait;
use product_api::{
    Confirmed, Released, Reservation, ReservationPage, Returned, SaleMode, Stock, StockError, StockFault, StockRequest,
};
use values::OrderId;

pub(crate) struct NoStock;

fn unavailable<T>() -> Result<T, StockError> {
    Err(StockError::Unavailable(None))
}

#[async_trait]
impl Stock for NoStock {
    async fn reserve(&self, _: &StockRequest) -> Result<Reservation, StockError> {
        unavailable()
    }

    async fn sell(&self, _: &StockRequest, _: SaleMode) -> Result<Reservation, StockError> {
        unavailable()
    }

    async fn confirm(&self, _: OrderId) -> Result<Confirmed, StockError> {
        unavailable()
    }

    async fn release(&self, _: OrderId) -> Result<Released, StockError> {
        unavailable()
    }

    async fn return_goods(&self, _: OrderId) -> Result<Returned, StockError> {
        unavailable()
    }

    async fn reservations(&self, _: Option<OrderId>, _: u32) -> Result<ReservationPage, StockError> {
        unavailable()
    }

    async fn faults(&self) -> Result<Vec<StockFault>, StockError> {
        unavailable()
    }
}
