//! The adapter: every method is one unit of work or one read.

use async_trait::async_trait;
use platform_events::Event;
use platform_sql::idempotency::{IdempotencyKey, Remembered};
use platform_sql::{Reader, Writer};
use uuid::Uuid;

use super::{Db, goods};
use crate::shelf::{Goods, ShelfError, ShelfStore};

/// A shelf in a database.
pub(crate) struct Store {
    pub(crate) reader: Reader<Db>,
    pub(crate) writer: Writer<Db>,
}

#[async_trait]
impl ShelfStore for Store {
    async fn put(&self, goods: Goods) -> Result<(), ShelfError> {
        self.writer
            .run(goods, |connection, goods| Box::pin(goods::put(connection, goods)))
            .await
    }

    async fn find(&self, id: Uuid) -> Result<Option<Goods>, ShelfError> {
        Ok(self
            .reader
            .run(id, |connection, &id| Box::pin(goods::find(connection, id)))
            .await?)
    }

    async fn take(&self, id: Uuid, quantity: i64, event: Event) -> Result<i64, ShelfError> {
        let input = (id, quantity, event);
        let unit = self.writer.run(input, |connection, (id, quantity, event)| {
            Box::pin(goods::take(connection, *id, *quantity, event))
        });
        unit.await
    }

    async fn take_for(&self, consumer: &'static str, id: Uuid, event: Event) -> Result<bool, ShelfError> {
        let unit = self
            .writer
            .run((consumer, id, event), |connection, (consumer, id, event)| {
                Box::pin(goods::take_for(connection, consumer, *id, event))
            });
        unit.await
    }

    async fn press(&self, key: IdempotencyKey, id: Uuid, event: Event) -> Result<Remembered, ShelfError> {
        let unit = self.writer.run((key, id, event), |connection, (key, id, event)| {
            Box::pin(goods::press(connection, key, *id, event))
        });
        unit.await
    }
}
