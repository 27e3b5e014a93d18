//! Where the goods are that orders are about.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use product_api::testing::Shelf;
use product_api::{Products, Stock};
use values::ProductId;

/// The fake, or, in the tests of the whole, what product-service makes of it.
#[async_trait]
pub(crate) trait Warehouse: Send + Sync {
    /// What sells the goods.
    fn stock(&self) -> Arc<dyn Stock>;

    /// The catalogue of them.
    fn products(&self) -> Arc<dyn Products>;

    /// How long a call takes at the most on a busy machine, if nothing is wrong.
    fn patience(&self) -> Duration;

    /// A new product at a price in cents, with so many on the shelf.
    async fn put(&self, cents: i64, pieces: i64) -> ProductId;

    /// What is on the shelf.
    async fn shelf(&self, id: ProductId) -> Shelf;

    /// Lets go of all that is held: it has been for too long.
    async fn expire(&self);
}
