//! The only driver of orders.

use std::sync::Arc;
use std::time::Duration;

use order_api::OrderState;
use platform_runtime::context::RequestContext;
use product_api::{Confirmed, Refusal, Released, Reservation, ReservationState, Returned, StockError};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::Instrument;
use values::Money;

use super::OrderService;
use crate::decision::{Answer, Call, Situation, Step, decide};
use crate::order::{Change, OrderLine, Outcome, Reason, StoredOrder, is_open, is_undecided, total_of};
use crate::payment::{Authorised, Captured, PaymentProvider, Refunded, Voided};
use crate::store::{Postponed, StoreError};

/// Nobody knows; the text is for an operator.
struct Unknown(String);

/// What a worker has heard about an order since it last wrote it.
#[derive(Default)]
struct Heard {
    lines: Option<Vec<OrderLine>>,
    refusal: Option<Refusal>,
    captured: bool,
    refunded: bool,
}

/// What came of one look at an order.
enum Progress {
    /// It has moved, by us or by somebody else.
    Moved(Arc<StoredOrder>),
    /// Not now: it will be taken up again when its time comes.
    Later(Arc<StoredOrder>),
}

impl OrderService {
    /// Starts a worker for an order, which goes on when its client is gone. The answer comes when the order is decided, or
    /// when the worker stops before.
    pub(super) fn drive(self: &Arc<Self>, order: Arc<StoredOrder>) -> oneshot::Receiver<Arc<StoredOrder>> {
        let (tell, decided) = oneshot::channel();
        let service = self.clone();
        // Whom it asks is told for which request; the client's patience is not the work's.
        let context = RequestContext::current().map_or_else(RequestContext::detached, |it| it.without_deadline());
        let work = async move { service.advance(order, Some(tell)).await };
        self.workers.spawn(context.scope(work.in_current_span()));
        decided
    }

    /// Moves an order until it rests, nobody answers, or it took too long. Two at once are safe: every move is a
    /// compare-and-set, and everybody who is asked bears being asked twice.
    pub(super) async fn advance(
        &self,
        mut order: Arc<StoredOrder>,
        mut tell: Option<oneshot::Sender<Arc<StoredOrder>>>,
    ) -> Arc<StoredOrder> {
        let until = Instant::now() + self.timings.drive;
        while is_open(order.state) && Instant::now() < until {
            match self.move_on(&order).await {
                Ok(Progress::Moved(next)) => order = next,
                Ok(Progress::Later(next)) => {
                    order = next;
                    break;
                }
                Err(error) => {
                    // The lease runs out by itself.
                    tracing::warn!(order_id = %order.id, error = &error as &dyn std::error::Error, "the store failed under an order");
                    break;
                }
            }
            if !is_undecided(order.state)
                && let Some(tell) = tell.take()
            {
                let _ = tell.send(order.clone());
            }
        }
        if let Some(tell) = tell {
            let _ = tell.send(order.clone());
        }
        order
    }

    /// From one state to the next.
    async fn move_on(&self, order: &Arc<StoredOrder>) -> Result<Progress, StoreError> {
        let provider = match self.providers.find(&order.provider) {
            Ok(provider) => provider,
            Err(error) => return self.alarm(order, &error.to_string()).await,
        };
        let mut heard = Heard::default();
        let mut answer = None;
        loop {
            let situation = self.situation(order, &heard, provider.is_some());
            match decide(situation, answer) {
                Step::Rest => return Ok(Progress::Moved(order.clone())),
                Step::Move(to, reason) => return self.write(order, to, reason, heard).await,
                Step::Call(call) => match self.ask(call, order, provider, &mut heard).await {
                    Ok(definite) => answer = Some(definite),
                    Err(Unknown(why)) => return self.postpone(order, why).await,
                },
                Step::Wait => return self.postpone(order, "the end is on its way".to_owned()).await,
                Step::Alarm => {
                    return self
                        .alarm(order, &format!("{answer:?} in {}", order.state.name()))
                        .await;
                }
            }
        }
    }

    fn situation(&self, order: &StoredOrder, heard: &Heard, takes_money: bool) -> Situation {
        Situation {
            state: order.state,
            cancel_requested: order.cancel_requested,
            takes_money,
            total: total(order, heard).map(Money::amount),
            past_deadline: self.clock.now() >= order.deadline_at,
        }
    }

    async fn write(
        &self,
        order: &Arc<StoredOrder>,
        to: OrderState,
        reason: Option<Reason>,
        heard: Heard,
    ) -> Result<Progress, StoreError> {
        let outcome = Outcome {
            reason: reason.or(heard.refusal.as_ref().map(Reason::of_refusal)),
            lines: heard.lines,
            refusal: heard.refusal,
            cancel_requested: false,
            captured: heard.captured,
            refunded: heard.refunded,
        };
        let change = Change::new(order, to, outcome, self.occasion());
        let next = change.order.clone();
        if self.store.change(change).await? {
            metrics::counter!("orders_moved_total", "to" => to.name()).increment(1);
            return Ok(Progress::Moved(next));
        }
        let now_there = self.store.find(order.id, None).await?;
        let now_there = now_there.ok_or(StoreError::Unreadable("the order is gone"))?;
        Ok(Progress::Moved(Arc::new(now_there)))
    }

    /// Notes that nobody knows, and when to ask again.
    async fn postpone(&self, order: &Arc<StoredOrder>, why: String) -> Result<Progress, StoreError> {
        let pause = self.timings.back_off(order.attempts, self.clock.fraction());
        tracing::info!(order_id = %order.id, state = order.state.name(), attempts = order.attempts, why, "no answer yet");
        metrics::counter!("orders_postponed_total").increment(1);
        let mut later = StoredOrder::clone(order);
        later.attempts += 1;
        let next_attempt_at = self.clock.now().plus(pause);
        later.next_attempt_at = Some(next_attempt_at);
        let postponed = Postponed {
            id: order.id,
            version: order.version,
            attempts: later.attempts,
            next_attempt_at,
            last_error: why,
        };
        self.store.postpone(postponed).await?;
        Ok(Progress::Later(Arc::new(later)))
    }

    /// Says that something cannot be. The order stays open: the next look may find it mended.
    async fn alarm(&self, order: &Arc<StoredOrder>, why: &str) -> Result<Progress, StoreError> {
        tracing::error!(order_id = %order.id, state = order.state.name(), why, "an order cannot be driven");
        metrics::counter!("orders_alarms_total").increment(1);
        self.postpone(order, why.to_owned()).await
    }

    async fn ask(
        &self,
        call: Call,
        order: &StoredOrder,
        provider: Option<&Arc<dyn PaymentProvider>>,
        heard: &mut Heard,
    ) -> Result<Answer, Unknown> {
        match call {
            Call::Sell(mode) => {
                let request = order.stock_request();
                let reservation = self.stock_says(self.stock.sell(&request, mode)).await?;
                read_reservation(reservation, heard)
            }
            Call::ReadSold => {
                let request = order.stock_request();
                let reservation = self.stock_says(self.stock.reserve(&request)).await?;
                read_reservation(reservation, heard)
            }
            Call::Confirm => Ok(match self.stock_says(self.stock.confirm(order.id)).await? {
                Confirmed::Sold => Answer::Confirmed,
                Confirmed::Gone => Answer::Gone,
            }),
            Call::Release => Ok(match self.stock_says(self.stock.release(order.id)).await? {
                Released::Released => Answer::Released,
                Released::AlreadySold => Answer::AlreadySold,
            }),
            Call::ReturnGoods => Ok(match self.stock_says(self.stock.return_goods(order.id)).await? {
                Returned::Returned => Answer::Returned,
                Returned::NotSold => Answer::NotSold,
            }),
            Call::Authorise | Call::Capture | Call::Void | Call::Refund => {
                let provider = provider.ok_or_else(|| Unknown("nobody is there to be paid".to_owned()))?;
                self.ask_provider(call, order, provider.as_ref(), heard).await
            }
        }
    }

    async fn ask_provider(
        &self,
        call: Call,
        order: &StoredOrder,
        provider: &dyn PaymentProvider,
        heard: &mut Heard,
    ) -> Result<Answer, Unknown> {
        let limit = self.timings.call;
        match call {
            Call::Authorise => {
                let total = total(order, heard).ok_or_else(|| Unknown("the total is not known".to_owned()))?;
                Ok(match within(limit, provider.authorise(order.id, total)).await? {
                    Authorised::Authorised => Answer::Authorised,
                    Authorised::Declined => Answer::Declined,
                })
            }
            Call::Capture => {
                let captured = within(limit, provider.capture(order.id)).await?;
                heard.captured |= captured == Captured::Captured;
                Ok(match captured {
                    Captured::Captured => Answer::Captured,
                    Captured::Refused => Answer::CaptureRefused,
                })
            }
            Call::Void => {
                let voided = within(limit, provider.void(order.id)).await?;
                heard.captured |= voided == Voided::Captured;
                Ok(match voided {
                    Voided::Voided => Answer::Voided,
                    Voided::Captured => Answer::AlreadyCaptured,
                })
            }
            _ => {
                let refunded = within(limit, provider.refund(order.id)).await?;
                heard.refunded |= refunded == Refunded::Refunded;
                Ok(match refunded {
                    Refunded::Refunded => Answer::Refunded,
                    Refunded::NothingCaptured => Answer::NothingCaptured,
                })
            }
        }
    }

    async fn stock_says<T>(&self, call: impl Future<Output = Result<T, StockError>>) -> Result<T, Unknown> {
        within(self.timings.call, call).await
    }
}

/// An answer within its time. Everything else is unknown, whatever it looks like.
async fn within<T, E: std::error::Error>(
    limit: Duration,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, Unknown> {
    match tokio::time::timeout(limit, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Unknown(error.to_string())),
        Err(_elapsed) => Err(Unknown("no answer in time".to_owned())),
    }
}

/// What a reservation says; its lines and its refusal are remembered.
fn read_reservation(reservation: Reservation, heard: &mut Heard) -> Result<Answer, Unknown> {
    match reservation.state {
        ReservationState::Held | ReservationState::Sold => {
            let lines: Vec<OrderLine> = reservation.lines.into_iter().map(OrderLine::from).collect();
            let total = total_of(&lines).ok_or_else(|| Unknown("the prices do not add up".to_owned()))?;
            heard.lines = Some(lines);
            let total = total.amount();
            Ok(match reservation.state {
                ReservationState::Held => Answer::Held { total },
                _ => Answer::Sold { total },
            })
        }
        ReservationState::Rejected => {
            heard.refusal = Some(
                reservation
                    .refusal
                    .ok_or_else(|| Unknown("a refusal without a reason".to_owned()))?,
            );
            Ok(Answer::Refused)
        }
        ReservationState::Released | ReservationState::Expired | ReservationState::Returned => Ok(Answer::Gone),
    }
}

fn total(order: &StoredOrder, heard: &Heard) -> Option<Money> {
    order.total.or_else(|| heard.lines.as_deref().and_then(total_of))
}
