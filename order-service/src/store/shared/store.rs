//! The adapter: every method is one unit of work or one read.

use std::sync::Arc;

use async_trait::async_trait;
use order_api::{OrderRecord, OrderStatus};
use platform_sql::idempotency::IdempotencyKey;
use platform_sql::{Reader, Writer};
use values::{OrderId, Timestamp, UserId};

use super::{Database, Db, read, records, write};
use crate::order::{Change, NewOrder, StoredOrder};
use crate::store::{Claim, Inserted, ListOrders, OrderStore, Postponed, StoreError};

/// Orders in a database.
pub struct Store {
    pub(super) database: Database,
    pub(super) reader: Reader<Db>,
    pub(super) writer: Writer<Db>,
    pub(super) hot: super::HotPath,
}

#[async_trait]
impl OrderStore for Store {
    async fn insert(&self, new: Arc<NewOrder>) -> Result<Inserted, StoreError> {
        super::insert(self, new).await
    }

    async fn find(&self, id: OrderId, owner: Option<UserId>) -> Result<Option<StoredOrder>, StoreError> {
        let find = self.reader.run((id, owner), |connection, &(id, owner)| {
            Box::pin(read::find(connection, id, owner))
        });
        find.await
    }

    async fn change(&self, change: Change) -> Result<bool, StoreError> {
        super::change(self, change).await
    }

    async fn postpone(&self, pause: Postponed) -> Result<(), StoreError> {
        let postpone = self
            .writer
            .run(pause, |connection, pause| Box::pin(write::postpone(connection, pause)));
        postpone.await
    }

    async fn lease_due(&self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<StoredOrder>, StoreError> {
        let look = self
            .reader
            .run(now, |connection, &now| Box::pin(write::is_any_due(connection, now)));
        if !look.await? {
            return Ok(Vec::new());
        }
        let lease = self
            .writer
            .run((now, until, limit), |connection, &(now, until, limit)| {
                Box::pin(write::lease_due(connection, now, until, limit))
            });
        lease.await
    }

    async fn make_open_due(&self, now: Timestamp) -> Result<u64, StoreError> {
        let update = self
            .writer
            .run(now, |connection, &now| Box::pin(write::make_open_due(connection, now)));
        update.await
    }

    async fn make_postponed_due(&self, now: Timestamp) -> Result<u64, StoreError> {
        let update = self.writer.run(now, |connection, &now| {
            Box::pin(write::make_postponed_due(connection, now))
        });
        update.await
    }

    fn is_exclusive(&self) -> bool {
        super::IS_EXCLUSIVE
    }

    async fn list(&self, query: &ListOrders) -> Result<Vec<StoredOrder>, StoreError> {
        let list = self
            .reader
            .run(*query, |connection, query| Box::pin(read::list(connection, query)));
        list.await
    }

    async fn count(&self, owner: Option<UserId>, status: Option<OrderStatus>) -> Result<u64, StoreError> {
        let count = self.reader.run((owner, status), |connection, &(owner, status)| {
            Box::pin(read::count(connection, owner, status))
        });
        count.await
    }

    async fn claim_key(&self, key: IdempotencyKey, now: Timestamp) -> Result<Claim, StoreError> {
        let claim = self.writer.run((key, now), |connection, (key, now)| {
            Box::pin(write::claim_key(connection, key, *now))
        });
        claim.await
    }

    async fn check(&self) -> Result<(), StoreError> {
        let missing = self.database.pending_migrations(&super::MIGRATIONS).await?;
        if missing.is_empty() {
            Ok(())
        } else {
            Err(StoreError::Outdated)
        }
    }

    async fn records_after(&self, after: Option<OrderId>, limit: u32) -> Result<Vec<OrderRecord>, StoreError> {
        let records = self.reader.run((after, limit), |connection, &(after, limit)| {
            Box::pin(async move {
                let orders = read::after(connection, after, limit).await?;
                records::records(connection, orders).await
            })
        });
        records.await
    }

    async fn records_of(&self, ids: &[OrderId]) -> Result<Vec<OrderRecord>, StoreError> {
        let records = self.reader.run(ids.to_vec(), |connection, ids| {
            Box::pin(async move {
                let orders = read::find_many(connection, ids).await?;
                records::records(connection, orders).await
            })
        });
        records.await
    }
}
