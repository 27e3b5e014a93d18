//! Orders over HTTP.

use std::time::Duration;

use async_trait::async_trait;
use order_api::calls::{RecordsAfter, RecordsFound, RecordsOf};
use order_api::{OrderRecord, OrderRecordPage, Orders, OrdersError};
use platform_rpc::{AskError, Call, HttpNeighbour, Repeat};
use values::OrderId;

/// Orders in other processes.
#[derive(Clone)]
pub struct HttpOrders(HttpNeighbour);

/// Who reconciles reads all of it.
const WITHIN: Duration = Duration::from_secs(10);

impl HttpOrders {
    /// The orders of a neighbour.
    pub fn new(neighbour: HttpNeighbour) -> Self {
        Self(neighbour)
    }
}

#[async_trait]
impl Orders for HttpOrders {
    async fn list(&self, after: Option<OrderId>, limit: u32) -> Result<OrderRecordPage, OrdersError> {
        let call = Call::post("/internal/orders/list").repeat(Repeat::Harmless);
        let call = call.within(WITHIN).json(&RecordsAfter { after, limit });
        self.0.ask(call).await.map_err(unknown)
    }

    async fn get_many(&self, ids: &[OrderId]) -> Result<Vec<OrderRecord>, OrdersError> {
        let call = Call::post("/internal/orders/get-many").repeat(Repeat::Harmless);
        let call = call.within(WITHIN).json(&RecordsOf { ids: ids.to_vec() });
        let found: Result<RecordsFound, _> = self.0.ask(call).await;
        found.map(|found| found.items).map_err(unknown)
    }
}

fn unknown(error: AskError) -> OrdersError {
    OrdersError::Unavailable(Some(error.into()))
}
