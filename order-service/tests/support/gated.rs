//! A stock behind a gate.

use std::sync::Arc;

use async_trait::async_trait;
use product_api::{
    Confirmed, Released, Reservation, ReservationPage, Returned, SaleMode, Stock, StockError, StockFault, StockRequest,
};
use tokio::sync::Semaphore;
use values::OrderId;

use crate::stock_through;

/// Answers only while its gate is open; what was asked before happens when it opens.
pub(crate) struct GatedStock {
    pub(crate) inner: Arc<dyn Stock>,
    pub(crate) gate: Arc<Semaphore>,
}

impl GatedStock {
    async fn pass(&self) {
        drop(self.gate.acquire().await.unwrap());
    }
}

stock_through!(GatedStock, |this, call| {
    this.pass().await;
    call().await
});
