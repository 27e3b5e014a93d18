//! What this service tells the others, and what it hears itself.

use std::sync::Arc;

use async_trait::async_trait;
use platform_clock::Clock;
use platform_events::{Event, Freshness, Handler, HandlerError, Topics};
use product_api::events::{ProductChanged, STOCK_CHANGED, StockChanged};
use values::ProductId;

use crate::store::Act;

/// The CloudEvents `source` of all events of this service.
pub const SOURCE: &str = "/product-service";

/// A product was created, updated or deleted, as `kind` says.
pub(crate) fn product_changed(kind: &str, product_id: ProductId, version: i64, clock: &dyn Clock, act: &Act) -> Event {
    let data = ProductChanged { product_id, version };
    event(kind, product_id, &data, clock, act)
}

/// What can be bought of a product changed.
pub(crate) fn stock_changed(
    product_id: ProductId,
    available: Option<i64>,
    seq: i64,
    clock: &dyn Clock,
    act: &Act,
) -> Event {
    let data = StockChanged {
        product_id,
        available,
        seq,
    };
    event(STOCK_CHANGED, product_id, &data, clock, act)
}

fn event(kind: &str, id: ProductId, data: &impl serde::Serialize, clock: &dyn Clock, act: &Act) -> Event {
    Event::new(clock.new_id(), kind, SOURCE, &id, act.at, data)
        .expect("ids and numbers are JSON")
        .with_traceparent(act.traceparent.clone())
}

/// What every process that shows products from memory hears: see [`Freshness`].
pub(crate) struct Touch(pub(crate) Arc<Freshness>);

impl Touch {
    /// What it listens to.
    pub(crate) fn topics() -> Topics {
        Topics::new(["product.*", "stock.changed"])
    }
}

#[async_trait]
impl Handler for Touch {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        touch(&self.0, event.topic(), &event.subject).map_err(|error| HandlerError::poison(&error))
    }
}

/// Something happened to a product: what was read of it before may not be shown any more. Where stock alone changed, lists may
/// be a second old.
pub(crate) fn touch(freshness: &Freshness, topic: &str, subject: &str) -> Result<(), values::ValueError> {
    let id: ProductId = subject.parse()?;
    freshness.touch(id.as_uuid());
    if topic != "stock.changed" {
        freshness.touch_lists();
    }
    Ok(())
}
