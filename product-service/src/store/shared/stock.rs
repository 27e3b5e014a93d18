//! The store of goods for orders: steps are taken in batches, each batch a unit of work.

use std::sync::Arc;

use async_trait::async_trait;
use platform_clock::Clock;
use platform_events::Event;
use platform_runtime::context::{spans, traceparent};
use platform_sql::{Batcher, Error, Writer};
use product_api::{Reservation, StockFault};
use uuid::Uuid;
use values::{OrderId, Timestamp};

use super::{Connection, Db, Store, books, faults, reservations};
use crate::events;
use crate::store::Act;
use crate::store::stock::{Asked, Plan, Step, Stepped, StockStore, Writes};

/// The queue of steps.
pub(super) type Steps = Batcher<Asked, Stepped, Error>;

#[async_trait]
impl StockStore for Store {
    async fn step(&self, step: Step, at: Timestamp) -> Result<Stepped, Error> {
        let traceparent = spans::are_exported().then(traceparent).flatten();
        self.steps.run(Asked { step, at, traceparent }).await
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<OrderId>, Error> {
        let due = self.reader.run((now, limit), |connection, &(now, limit)| {
            Box::pin(reservations::due(connection, now, limit))
        });
        due.await
    }

    async fn reservations(&self, after: Option<OrderId>, limit: u32) -> Result<Vec<Reservation>, Error> {
        let page = self.reader.run((after, limit), |connection, &(after, limit)| {
            Box::pin(reservations::page(connection, after, limit))
        });
        page.await
    }

    async fn faults(&self) -> Result<Vec<StockFault>, Error> {
        let faults = self
            .reader
            .run((), |connection, ()| Box::pin(faults::faults(connection)));
        faults.await
    }
}

/// One worker: what waits for it gathers, and what gathers costs less.
pub(super) fn start(writer: Writer<Db>, clock: Arc<dyn Clock>) -> Steps {
    Batcher::start(1, move |batch| take_all(writer.clone(), clock.clone(), batch))
}

/// All at once; if something is wrong with one of them, each by itself, so that the others do not suffer for it.
async fn take_all(writer: Writer<Db>, clock: Arc<dyn Clock>, batch: Vec<Asked>) -> Vec<Result<Stepped, Error>> {
    metrics::histogram!("stock_steps_per_commit").record(f64::from(u32::try_from(batch.len()).unwrap_or(u32::MAX)));
    let many = batch.len();
    let together = take_together(&writer, &clock, batch.clone()).await;
    match together {
        Ok(stepped) => stepped.into_iter().map(Ok).collect(),
        Err(error) if many == 1 => vec![Err(error)],
        Err(Error::Unavailable(why)) => {
            let why = why.to_string();
            batch
                .iter()
                .map(|_| Err(Error::Unavailable(why.clone().into())))
                .collect()
        }
        Err(Error::Fault(why)) => {
            tracing::error!(
                why,
                many,
                "a batch of stock was refused; its steps are taken one by one"
            );
            let mut results = Vec::with_capacity(many);
            for asked in batch {
                let alone = take_together(&writer, &clock, vec![asked]).await;
                results.push(alone.and_then(|stepped| {
                    let stepped = stepped.into_iter().next();
                    stepped.ok_or_else(|| Error::Fault("a step came to nothing at all".into()))
                }));
            }
            results
        }
    }
}

async fn take_together(writer: &Writer<Db>, clock: &Arc<dyn Clock>, batch: Vec<Asked>) -> Result<Vec<Stepped>, Error> {
    let unit = writer.run((batch, clock.clone()), |connection, (batch, clock)| {
        Box::pin(take(connection, batch, &**clock))
    });
    unit.await
}

/// The rows of the orders come first, then the shelves, each in the order of their ids: batches of two processes wait
/// for each other, and never in a circle.
async fn take(connection: &mut Connection, batch: &[Asked], clock: &dyn Clock) -> Result<Vec<Stepped>, Error> {
    let mut plan = Plan::default();
    let first = Plan::first_rows(batch);
    let new = if first.is_empty() {
        Vec::new()
    } else {
        books::insert(connection, &first).await?
    };
    let mut known: Vec<Uuid> = batch.iter().map(|asked| asked.step.order_id().as_uuid()).collect();
    known.retain(|order_id| !new.contains(order_id));
    known.sort_unstable();
    known.dedup();
    if !known.is_empty() {
        for (order_id, row) in reservations::lock(connection, &known).await? {
            plan.know(order_id, row);
        }
    }
    let products: Vec<Uuid> = plan.products(batch).into_iter().map(Uuid::from).collect();
    if !products.is_empty() {
        for (product_id, goods) in reservations::lock_shelves(connection, &products).await? {
            plan.shelve(product_id, goods);
        }
    }
    let stepped = batch.iter().map(|asked| plan.take(asked)).collect();
    let writes = plan.writes();
    if !writes.is_empty() {
        // One event stands for all of them; it is a part of one of their traces.
        let traceparent = batch.iter().rev().find_map(|asked| asked.traceparent.clone());
        books::write(connection, &writes, &news(&writes, traceparent, clock)).await?;
    }
    Ok(stepped)
}

/// One event for each product of which another number can be bought now.
fn news(writes: &Writes<'_>, traceparent: Option<String>, clock: &dyn Clock) -> Vec<Event> {
    let act = Act {
        at: clock.now(),
        actor: None,
        request_id: None,
        traceparent,
    };
    let news = writes.moved.iter().filter(|moved| moved.news.is_some());
    news.map(|moved| events::stock_changed(moved.product_id, moved.news, moved.seq, clock, &act))
        .collect()
}
