//! The stock over HTTP. What changes it is sent once: the caller repeats, for it must know what happened.
//!
//! Orders that are to be sold while a call is under way are sold by the next one, together. One that is traced goes alone, so
//! that its trace is whole.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::join_all;
use platform_context::RequestContext;
use platform_rpc::{AskError, Call, Gather, HttpNeighbour, Repeat};
use product_api::calls::{FaultsFound, ForOrder, Outcome, ReservationsAfter, Sale, Sales, Sell, SellMany};
use product_api::{
    Confirmed, Released, Reservation, ReservationPage, Returned, SaleMode, Stock, StockError, StockFault, StockRequest,
};
use serde::de::DeserializeOwned;
use tracing::Span;
use values::OrderId;

use crate::unknown;

/// A stock in other processes.
#[derive(Clone)]
pub struct HttpStock {
    neighbour: HttpNeighbour,
    seller: Arc<Seller>,
    sales: Gather<Asked, Result<Reservation, StockError>>,
}

/// What a service answers about a route that it does not have.
const NOT_FOUND: u16 = 404;
/// How long a service that does not know how to sell many is not asked to again.
const ONE_BY_ONE: Duration = Duration::from_secs(30);

/// Who reconciles reads all of it.
const READ_WITHIN: Duration = Duration::from_secs(10);

impl HttpStock {
    /// The stock of a neighbour.
    pub fn new(neighbour: HttpNeighbour) -> Self {
        let seller = Arc::new(Seller {
            neighbour: neighbour.clone(),
            one_by_one_until: Mutex::default(),
        });
        let sales = Gather::new({
            let seller = seller.clone();
            move |asked| seller.clone().sell(asked)
        });
        Self {
            neighbour,
            seller,
            sales,
        }
    }

    async fn outcome<T: DeserializeOwned>(&self, path: &str, order_id: OrderId) -> Result<T, StockError> {
        let call = Call::post(path).json(&ForOrder { order_id });
        let answered: Result<Outcome<T>, _> = self.neighbour.ask(call).await;
        answered.map(|answer| answer.outcome).map_err(unknown::stock)
    }
}

/// One who waits for a sale, and for which request.
type Asked = (Sell, Option<RequestContext>);

/// How sales are asked for.
struct Seller {
    neighbour: HttpNeighbour,
    /// A service of the release before this one does not know how to sell many: until then each is asked for alone.
    one_by_one_until: Mutex<Option<Instant>>,
}

impl Seller {
    async fn sell_one(&self, sell: &Sell) -> Result<Reservation, StockError> {
        let call = Call::post("/internal/stock/sell").json(sell);
        self.neighbour.ask(call).await.map_err(unknown::stock)
    }

    /// In one call, if there are many.
    async fn sell(self: Arc<Self>, asked: Vec<Asked>) -> Vec<Result<Reservation, StockError>> {
        if asked.len() > 1 && self.may_sell_many() {
            match self.sell_many(&asked).await {
                Ok(sales) => return sales.into_iter().map(Into::into).collect(),
                Err(AskError::Refused(problem)) if problem.status() == NOT_FOUND => {
                    *self.one_by_one_until() = Some(Instant::now() + ONE_BY_ONE);
                }
                Err(error) => {
                    let error = Arc::new(error);
                    let unknown = |_| Err(StockError::Unavailable(Some(Box::new(error.clone()))));
                    return asked.iter().map(unknown).collect();
                }
            }
        }
        let sales = asked
            .iter()
            .map(|(sell, context)| within(context.as_ref(), self.sell_one(sell)));
        join_all(sales).await
    }

    /// For the request of the first of them.
    async fn sell_many(&self, asked: &[Asked]) -> Result<Vec<Sale>, AskError> {
        let orders: Vec<Sell> = asked.iter().map(|(sell, _)| sell.clone()).collect();
        let call = Call::post("/internal/stock/sell-many").json(&SellMany { orders });
        let context = asked.first().and_then(|(_, context)| context.as_ref());
        let Sales { sales } = within(context, self.neighbour.ask(call)).await?;
        if sales.len() != asked.len() {
            return Err(AskError::Unknown("there are not as many sales as orders".into()));
        }
        Ok(sales)
    }

    fn may_sell_many(&self) -> bool {
        self.one_by_one_until().is_none_or(|until| until < Instant::now())
    }

    fn one_by_one_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.one_by_one_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn within<F: Future>(context: Option<&RequestContext>, work: F) -> F::Output {
    match context {
        Some(context) => context.clone().scope(work).await,
        None => work.await,
    }
}

#[async_trait]
impl Stock for HttpStock {
    async fn reserve(&self, request: &StockRequest) -> Result<Reservation, StockError> {
        let call = Call::post("/internal/stock/reserve").json(request);
        self.neighbour.ask(call).await.map_err(unknown::stock)
    }

    async fn sell(&self, request: &StockRequest, mode: SaleMode) -> Result<Reservation, StockError> {
        let sell = Sell {
            request: request.clone(),
            mode,
        };
        if !Span::current().is_none() {
            return self.seller.sell_one(&sell).await;
        }
        let sold = self.sales.ask((sell, RequestContext::current())).await;
        sold.unwrap_or(Err(StockError::Unavailable(None)))
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
