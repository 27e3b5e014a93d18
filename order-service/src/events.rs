//! What order-service learns from others' events.

use std::sync::Arc;

use async_trait::async_trait;
use platform_events::{Event, Handler, HandlerError, Topics};
use product_api::events::{PRODUCT_CREATED, PRODUCT_DELETED, PRODUCT_UPDATED, STOCK_CHANGED};

use crate::inventory::Inventory;

/// Feeds the inventory cache. A broadcast: every process has its own memory.
pub struct InventoryFeed(pub Arc<Inventory>);

impl InventoryFeed {
    /// What it wants to hear.
    pub fn topics() -> Topics {
        Topics::new(["product.*", "stock.changed"])
    }
}

#[async_trait]
impl Handler for InventoryFeed {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        let poison = |error| HandlerError::poison(&error);
        match event.kind.as_str() {
            PRODUCT_CREATED | PRODUCT_UPDATED | PRODUCT_DELETED => {
                self.0.product_changed(&event.data().map_err(poison)?);
            }
            STOCK_CHANGED => self.0.stock_changed(&event.data().map_err(poison)?),
            _ => {}
        }
        Ok(())
    }
}
