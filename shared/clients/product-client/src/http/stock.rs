//! The stock over HTTP. What changes it is sent once: the caller repeats, for it must know what happened.

use std::time::Duration;

use async_trait::async_trait;
use platform_rpc::{AskError, Call, HttpNeighbour, Repeat};
use product_api::calls::{FaultsFound, ForOrder, Outcome, ReservationsAfter, Sales, Sell, SellMany};
use product_api::{
    Confirmed, Released, Reservation, ReservationPage, Returned, SaleMode, Stock, StockError, StockFault, StockRequest,
};
use serde::de::DeserializeOwned;
use values::OrderId;

use crate::sales::{Selling, Sells};
use crate::unknown;

/// A stock in other processes.
#[derive(Clone)]
pub struct HttpStock {
    neighbour: HttpNeighbour,
    selling: Selling<HttpNeighbour>,
}

/// Who reconciles reads all of it.
const READ_WITHIN: Duration = Duration::from_secs(10);

impl HttpStock {
    /// The stock of a neighbour.
    pub fn new(neighbour: HttpNeighbour) -> Self {
        Self {
            selling: Selling::new(neighbour.clone()),
            neighbour,
        }
    }

    async fn outcome<T: DeserializeOwned>(&self, path: &str, order_id: OrderId) -> Result<T, StockError> {
        let call = Call::post(path).json(&ForOrder { order_id });
        let answered: Result<Outcome<T>, _> = self.neighbour.ask(call).await;
        answered.map(|answer| answer.outcome).map_err(unknown::stock)
    }
}

impl Sells for HttpNeighbour {
    async fn ask_for_one(&self, sell: &Sell) -> Result<Reservation, AskError> {
        self.ask(Call::post("/internal/stock/sell").json(sell)).await
    }

    async fn ask_for_many(&self, many: SellMany) -> Result<Sales, AskError> {
        self.ask(Call::post("/internal/stock/sell-many").json(&many)).await
    }
}

#[async_trait]
impl Stock for HttpStock {
    async fn reserve(&self, request: &StockRequest) -> Result<Reservation, StockError> {
        let call = Call::post("/internal/stock/reserve").json(request);
        self.neighbour.ask(call).await.map_err(unknown::stock)
    }

    async fn sell(&self, request: &StockRequest, mode: SaleMode) -> Result<Reservation, StockError> {
        let request = request.clone();
        self.selling.sell(Sell { request, mode }).await
    }

    async fn confirm(&self, order_id: OrderId) -> Result<Confirmed, StockError> {
        self.outcome("/internal/stock/confirm", order_id).await
    }

    async fn release(&self, order_id: OrderId) -> Result<Released, StockError> {
        self.outcome("/internal/stock/release", order_id).await
    }

    async fn return_goods(&self, order_id: OrderId) -> Result<Returned, StockError> {
        self.outcome("/internal/stock/return", order_id).await
    }

    async fn reservations(&self, after: Option<OrderId>, limit: u32) -> Result<ReservationPage, StockError> {
        let call = Call::post("/internal/stock/reservations").repeat(Repeat::Harmless);
        let call = call.within(READ_WITHIN).json(&ReservationsAfter { after, limit });
        self.neighbour.ask(call).await.map_err(unknown::stock)
    }

    async fn faults(&self) -> Result<Vec<StockFault>, StockError> {
        let call = Call::post("/internal/stock/faults").repeat(Repeat::Harmless);
        let found: Result<FaultsFound, _> = self.neighbour.ask(call.within(READ_WITHIN)).await;
        found.map(|found| found.faults).map_err(unknown::stock)
    }
}
