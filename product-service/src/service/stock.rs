//! Goods for orders.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use platform_clock::Clock;
use platform_events::Freshness;
use product_api::{
    Confirmed, Released, Reservation, ReservationPage, ReservationState, Returned, SaleMode, Stock, StockError,
    StockFault, StockRequest,
};
use tokio_util::sync::CancellationToken;
use values::OrderId;

use crate::store::stock::{Step, Stepped, StockStore};

/// How often what is held for too long is looked for.
const SWEEP: Duration = Duration::from_secs(5);
/// Orders of one look.
const AT_ONCE: u32 = 64;
/// The most lines of one request.
const MOST_LINES: usize = 100;
/// The most reservations of one page.
const MOST_RESERVATIONS: u32 = 1_000;

/// Goods for orders. Cheap to clone.
#[derive(Clone)]
pub struct StockService {
    store: Arc<dyn StockStore>,
    clock: Arc<dyn Clock>,
    freshness: Arc<Freshness>,
}

impl StockService {
    /// On a store; what it moves is told to `freshness`.
    pub fn new(store: Arc<dyn StockStore>, clock: Arc<dyn Clock>, freshness: Arc<Freshness>) -> Self {
        Self {
            store,
            clock,
            freshness,
        }
    }

    /// Lets go of what has been held for too long; answers for how many orders.
    pub async fn sweep(&self) -> Result<usize, StockError> {
        let mut expired = 0;
        loop {
            let due = self.store.due(self.clock.now(), AT_ONCE).await.map_err(unknown)?;
            let steps = due.iter().map(|order_id| self.take(Step::Expire(*order_id)));
            for outcome in join_all(steps).await {
                let state = outcome?.map(|reservation| reservation.state);
                expired += usize::from(state == Some(ReservationState::Expired));
            }
            if due.len() < AT_ONCE as usize {
                return Ok(expired);
            }
        }
    }

    /// The job: sweeps every five seconds, until it is told to stop. It may run in many processes at once.
    pub async fn sweep_for_ever(self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(SWEEP)).await.is_some() {
            match self.sweep().await {
                Ok(0) => {}
                Ok(expired) => tracing::info!(expired, "goods were held for too long"),
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what is held for too long cannot be let go now"
                ),
            }
        }
    }

    /// Takes a step; answers what stands in the books then, if anything does.
    async fn take(&self, step: Step) -> Result<Option<Reservation>, StockError> {
        let stepped = self.store.step(step, self.clock.now()).await.map_err(unknown)?;
        match stepped {
            Stepped::Stands(reservation) => {
                for line in reservation.lines.iter().filter(|line| line.counted) {
                    self.freshness.touch(line.product_id.as_uuid());
                }
                Ok(Some(reservation))
            }
            Stepped::Nothing => Ok(None),
            Stepped::OtherRequest => Err(StockError::OtherRequest),
        }
    }

    /// Takes a step that leaves something in the books.
    async fn ask(&self, step: Step) -> Result<Reservation, StockError> {
        let reservation = self.take(step).await?;
        reservation.ok_or_else(|| StockError::Unavailable(Some("nothing was written".into())))
    }
}

#[async_trait]
impl Stock for StockService {
    async fn reserve(&self, request: &StockRequest) -> Result<Reservation, StockError> {
        check(request)?;
        self.ask(Step::Reserve(request.clone())).await
    }

    async fn sell(&self, request: &StockRequest, mode: SaleMode) -> Result<Reservation, StockError> {
        check(request)?;
        self.ask(Step::Sell(request.clone(), mode)).await
    }

    async fn confirm(&self, order_id: OrderId) -> Result<Confirmed, StockError> {
        let reservation = self.take(Step::Confirm(order_id)).await?;
        Ok(match reservation.map(|reservation| reservation.state) {
            Some(ReservationState::Sold) => Confirmed::Sold,
            _ => Confirmed::Gone,
        })
    }

    async fn release(&self, order_id: OrderId) -> Result<Released, StockError> {
        let reservation = self.ask(Step::Release(order_id)).await?;
        Ok(match reservation.state {
            ReservationState::Sold | ReservationState::Returned => Released::AlreadySold,
            _ => Released::Released,
        })
    }

    async fn return_goods(&self, order_id: OrderId) -> Result<Returned, StockError> {
        let reservation = self.take(Step::Return(order_id)).await?;
        Ok(match reservation.map(|reservation| reservation.state) {
            Some(ReservationState::Returned) => Returned::Returned,
            _ => Returned::NotSold,
        })
    }

    async fn reservations(&self, after: Option<OrderId>, limit: u32) -> Result<ReservationPage, StockError> {
        let limit = limit.clamp(1, MOST_RESERVATIONS);
        let read_at = self.clock.now();
        let mut items = self.store.reservations(after, limit + 1).await.map_err(unknown)?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        Ok(ReservationPage { items, more, read_at })
    }

    async fn faults(&self) -> Result<Vec<StockFault>, StockError> {
        self.store.faults().await.map_err(unknown)
    }
}

/// What the contract promises of a request; a caller that breaks it is not to spoil a batch.
fn check(request: &StockRequest) -> Result<(), StockError> {
    let lines = &request.lines;
    let in_order = lines.windows(2).all(|pair| pair[0].product_id < pair[1].product_id);
    if in_order && (1..=MOST_LINES).contains(&lines.len()) {
        return Ok(());
    }
    Err(unknown("the lines must be 1 to 100, sorted by product, none twice"))
}

fn unknown(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StockError {
    StockError::Unavailable(Some(why.into()))
}
