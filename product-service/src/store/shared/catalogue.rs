//! The store of the catalogue: each method one unit of work.

use std::sync::Arc;

use async_trait::async_trait;
use platform_sql::Error;
use platform_sql::idempotency::{IdempotencyKey, Remembered, StoredAnswer};
use product_api::events::{PRODUCT_CREATED, PRODUCT_DELETED, PRODUCT_UPDATED};
use product_api::{Change, Product, View};
use values::ProductId;

use super::{Connection, Store, batch, end_batches, idempotency, list, outbox, read, shelf, write};
use crate::events;
use crate::store::{
    Act, Answered, BatchOutcome, BatchRow, ChangedAt, Exported, ListQuery, Listed, Once, ProductRecord, ProductStore,
    StockChange, StoreError,
};

#[async_trait]
impl ProductStore for Store {
    async fn find(&self, id: ProductId, view: View) -> Result<Option<Product>, StoreError> {
        let found = self.reader.run((id, view), |connection, &(id, view)| {
            Box::pin(read::find(connection, id, view))
        });
        Ok(found.await?)
    }

    async fn find_many(&self, ids: &[ProductId], view: View) -> Result<Vec<Product>, StoreError> {
        let found = self.reader.run((ids, view), |connection, &(ids, view)| {
            Box::pin(read::find_many(connection, ids, view))
        });
        Ok(found.await?)
    }

    async fn list(&self, query: &ListQuery) -> Result<Vec<Listed>, StoreError> {
        let rows = self
            .reader
            .run(query, |connection, query| Box::pin(list::list(connection, query)));
        Ok(rows.await?)
    }

    async fn count(&self, query: &ListQuery) -> Result<i64, StoreError> {
        let rows = self
            .reader
            .run(query, |connection, query| Box::pin(list::count(connection, query)));
        Ok(rows.await?)
    }

    async fn create(&self, record: ProductRecord, act: Act, once: Option<Once>) -> Result<Answered, StoreError> {
        let input = (self.clone(), record, act, once);
        let created = self.writer.run(input, |connection, (store, record, act, once)| {
            Box::pin(async move {
                if let Some(answer) = recall(connection, once.as_ref(), act).await? {
                    return Ok(Answered::Before(answer));
                }
                let product = store.create_within(connection, record, act).await?;
                remember(connection, once.as_ref(), product, act).await
            })
        });
        created.await
    }

    async fn update(&self, record: ProductRecord, expected: Option<i64>, act: Act) -> Result<Product, StoreError> {
        let input = (self.clone(), record, expected, act);
        let updated = self.writer.run(input, |connection, (store, record, expected, act)| {
            Box::pin(store.update_within(connection, record, *expected, act))
        });
        updated.await
    }

    async fn delete(&self, id: ProductId, expected: Option<i64>, act: Act) -> Result<(), StoreError> {
        let input = (self.clone(), id, expected, act);
        let deleted = self.writer.run(input, |connection, (store, id, expected, act)| {
            Box::pin(store.delete_within(connection, *id, *expected, act))
        });
        deleted.await
    }

    async fn change_stock(
        &self,
        id: ProductId,
        change: StockChange,
        reason: String,
        act: Act,
        once: Option<Once>,
    ) -> Result<Answered, StoreError> {
        let input = (self.clone(), id, change, reason, act, once);
        let changed = self
            .writer
            .run(input, |connection, (store, id, change, reason, act, once)| {
                Box::pin(async move {
                    if let Some(answer) = recall(connection, once.as_ref(), act).await? {
                        return Ok(Answered::Before(answer));
                    }
                    let product = store.change_stock_within(connection, *id, *change, reason, act).await?;
                    remember(connection, once.as_ref(), product, act).await
                })
            });
        changed.await
    }

    async fn remember_refusal(
        &self,
        key: IdempotencyKey,
        answer: StoredAnswer,
        act: Act,
    ) -> Result<Answered, StoreError> {
        let kept = self.writer.run((key, answer, act), |connection, (key, answer, act)| {
            Box::pin(async move {
                match idempotency::recall(connection, key, act.at).await? {
                    Remembered::Replay(earlier) => return Ok(Answered::Before(earlier)),
                    Remembered::Reused => return Err(StoreError::KeyReused),
                    Remembered::Fresh => {}
                }
                idempotency::remember(connection, key, answer, act.at).await?;
                Ok(Answered::Before(answer.clone()))
            })
        });
        kept.await
    }

    async fn upsert_batch(&self, rows: Arc<[BatchRow]>, act: Act) -> Result<Vec<BatchOutcome>, StoreError> {
        let input = (self.clone(), rows, act);
        let outcomes = self.writer.run(input, |connection, (store, rows, act)| {
            Box::pin(batch::upsert(connection, rows, act, &*store.clock))
        });
        outcomes.await
    }

    async fn batches_end(&self) -> Result<(), StoreError> {
        let end = self.writer.run((), |connection, ()| {
            Box::pin(async move { Ok::<_, StoreError>(end_batches(connection).await?) })
        });
        end.await
    }

    async fn page_by_id(&self, after: Option<ProductId>, limit: u32) -> Result<Vec<Exported>, StoreError> {
        let page = self.reader.run((after, limit), |connection, &(after, limit)| {
            Box::pin(read::page_by_id(connection, after, limit))
        });
        Ok(page.await?)
    }

    async fn changes(&self, after: ChangedAt, limit: u32) -> Result<Vec<(ChangedAt, Change)>, StoreError> {
        let changes = self.reader.run((after, limit), |connection, &(after, limit)| {
            Box::pin(read::changes(connection, after, limit))
        });
        Ok(changes.await?)
    }

    async fn changes_of(&self, ids: &[ProductId]) -> Result<Vec<Change>, StoreError> {
        let changes = self
            .reader
            .run(ids, |connection, ids| Box::pin(read::changes_of(connection, ids)));
        Ok(changes.await?)
    }
}

impl Store {
    async fn create_within(
        &self,
        connection: &mut Connection,
        record: &ProductRecord,
        act: &Act,
    ) -> Result<Product, StoreError> {
        let product = &record.product;
        if let Some(family) = record.founded_family() {
            write::found_families(connection, &[&family], act.at).await?;
        }
        write::insert_products(connection, &[record]).await.map_err(refusal)?;
        shelf::stock_up(connection, &[(product.id, product.stock)], "created", act).await?;
        let event = events::product_changed(PRODUCT_CREATED, product.id, product.version, &*self.clock, act);
        outbox::append(connection, &[event]).await?;
        Ok(product.clone())
    }

    async fn update_within(
        &self,
        connection: &mut Connection,
        record: &ProductRecord,
        expected: Option<i64>,
        act: &Act,
    ) -> Result<Product, StoreError> {
        let id = record.product.id;
        if let Some(family) = record.founded_family() {
            write::found_families(connection, &[&family], act.at).await?;
        }
        let updated = write::update_product(connection, record, expected, act.at)
            .await
            .map_err(refusal)?;
        if !updated {
            return Err(why_not(connection, id).await?);
        }
        let product = read::find(connection, id, View::Admin)
            .await?
            .ok_or(StoreError::NotFound)?;
        let event = events::product_changed(PRODUCT_UPDATED, id, product.version, &*self.clock, act);
        outbox::append(connection, &[event]).await?;
        Ok(product)
    }

    async fn delete_within(
        &self,
        connection: &mut Connection,
        id: ProductId,
        expected: Option<i64>,
        act: &Act,
    ) -> Result<(), StoreError> {
        write::remove_from_index(connection, id).await?;
        let delete = sqlx::query_scalar(
            "UPDATE products SET deleted_at = $3, updated_at = $3, version = version + 1
             WHERE id = $1 AND deleted_at IS NULL AND version = COALESCE($2, version) RETURNING version",
        );
        let delete = delete.bind(id.as_uuid()).bind(expected).bind(act.at.as_micros());
        let deleted: Option<i64> = delete.fetch_optional(&mut *connection).await.map_err(Error::from)?;
        let Some(version) = deleted else {
            return Err(why_not(connection, id).await?);
        };
        let event = events::product_changed(PRODUCT_DELETED, id, version, &*self.clock, act);
        Ok(outbox::append(connection, &[event]).await?)
    }

    async fn change_stock_within(
        &self,
        connection: &mut Connection,
        id: ProductId,
        change: StockChange,
        reason: &str,
        act: &Act,
    ) -> Result<Product, StoreError> {
        let shelf = shelf::change(connection, id, change, reason, act).await?;
        let product = read::find(connection, id, View::Admin)
            .await?
            .ok_or(StoreError::NotFound)?;
        let event = events::stock_changed(id, shelf.available(), shelf.seq, &*self.clock, act);
        outbox::append(connection, &[event]).await?;
        Ok(product)
    }
}

/// The answer that a key has already.
async fn recall(
    connection: &mut Connection,
    once: Option<&Once>,
    act: &Act,
) -> Result<Option<StoredAnswer>, StoreError> {
    let Some(once) = once else {
        return Ok(None);
    };
    match idempotency::recall(connection, &once.key, act.at).await? {
        Remembered::Fresh => Ok(None),
        Remembered::Replay(answer) => Ok(Some(answer)),
        Remembered::Reused => Err(StoreError::KeyReused),
    }
}

/// Keeps the answer under its key, if there is one.
async fn remember(
    connection: &mut Connection,
    once: Option<&Once>,
    product: Product,
    act: &Act,
) -> Result<Answered, StoreError> {
    if let Some(once) = once {
        idempotency::remember(connection, &once.key, &(once.render)(&product), act.at).await?;
    }
    Ok(Answered::Now(Box::new(product)))
}

/// Nothing was written: the product does not live, or has another version.
async fn why_not(connection: &mut Connection, id: ProductId) -> Result<StoreError, Error> {
    let living = read::find(connection, id, View::Admin).await?;
    Ok(if living.is_some() {
        StoreError::VersionMismatch
    } else {
        StoreError::NotFound
    })
}

/// What a broken uniqueness rule means.
pub(super) fn refusal(error: Error) -> StoreError {
    if error.is_unique_violation("products_sku", "products.sku") {
        return StoreError::SkuTaken;
    }
    if error.is_unique_violation("products_options", "products.family, products.options_key") {
        return StoreError::OptionsTaken;
    }
    StoreError::Database(error)
}
