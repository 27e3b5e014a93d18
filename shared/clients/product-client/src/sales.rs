//! Sales that are asked for at the same moment.
//!
//! Those that come while a call is under way are asked for by the next one, together. One that is traced goes alone, so that
//! its trace is whole.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::join_all;
use platform_context::RequestContext;
use platform_rpc::{AskError, Gather};
use product_api::calls::{Sale, Sales, Sell, SellMany};
use product_api::{Reservation, StockError};
use tracing::Span;

use crate::unknown;

/// What a service answers to a call that it does not know: over HTTP, and over gRPC.
const UNKNOWN_CALL: [u16; 2] = [404, 501];
/// How long a service that does not know how to sell many is not asked to again.
const ONE_BY_ONE: Duration = Duration::from_secs(30);

/// A way to ask for sales. Nothing is sent twice.
pub(crate) trait Sells: Send + Sync + 'static {
    /// For one.
    fn ask_for_one(&self, sell: &Sell) -> impl Future<Output = Result<Reservation, AskError>> + Send;

    /// For many.
    fn ask_for_many(&self, many: SellMany) -> impl Future<Output = Result<Sales, AskError>> + Send;
}

/// Asks for sales. Cheap to clone.
pub(crate) struct Selling<W> {
    seller: Arc<Seller<W>>,
    gather: Gather<Asked, Result<Reservation, StockError>>,
}

impl<W> Clone for Selling<W> {
    fn clone(&self) -> Self {
        Self {
            seller: self.seller.clone(),
            gather: self.gather.clone(),
        }
    }
}

/// A sale that is waited for, and for which request.
type Asked = (Sell, Option<RequestContext>);

struct Seller<W> {
    way: W,
    /// A service of the release before this one does not know how to sell many: until then each is asked for alone.
    one_by_one_until: Mutex<Option<Instant>>,
}

impl<W: Sells> Selling<W> {
    /// In this way.
    pub(crate) fn new(way: W) -> Self {
        let one_by_one_until = Mutex::default();
        let seller = Arc::new(Seller { way, one_by_one_until });
        let gather = Gather::new(SellMany::MAX_ORDERS, {
            let seller = seller.clone();
            move |asked| seller.clone().sell(asked)
        });
        Self { seller, gather }
    }

    /// Alone or with others, and answered by itself.
    pub(crate) async fn sell(&self, sell: Sell) -> Result<Reservation, StockError> {
        if !Span::current().is_none() {
            return self.seller.sell_one(&sell).await;
        }
        let sold = self.gather.ask((sell, RequestContext::current())).await;
        sold.unwrap_or(Err(StockError::Unavailable(None)))
    }
}

impl<W: Sells> Seller<W> {
    async fn sell_one(&self, sell: &Sell) -> Result<Reservation, StockError> {
        self.way.ask_for_one(sell).await.map_err(unknown::stock)
    }

    async fn sell(self: Arc<Self>, asked: Vec<Asked>) -> Vec<Result<Reservation, StockError>> {
        if asked.len() > 1 && self.may_sell_many() {
            match self.sell_many(&asked).await {
                Ok(sales) => return sales.into_iter().map(Into::into).collect(),
                Err(AskError::Refused(problem)) if UNKNOWN_CALL.contains(&problem.status()) => {
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

    /// For the request of the first of them, whose hurry is not that of the others.
    async fn sell_many(&self, asked: &[Asked]) -> Result<Vec<Sale>, AskError> {
        let orders = asked.iter().map(|(sell, _)| sell.clone()).collect();
        let context = asked.first().and_then(|(_, context)| context.as_ref());
        let context = context.map(RequestContext::without_deadline);
        let Sales { sales } = within(context.as_ref(), self.way.ask_for_many(SellMany { orders })).await?;
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
        Some(context) => context.scope(work).await,
        None => work.await,
    }
}
