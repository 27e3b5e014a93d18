//! Many products in one unit of work: two reads, a plan in memory, and as few statements as there are tables.

use std::collections::BTreeMap;

use platform_clock::Clock;
use platform_events::Event;
use platform_sql::Error;
use product_api::Product;
use product_api::events::{PRODUCT_CREATED, PRODUCT_UPDATED};
use sqlx::QueryBuilder;

use super::catalogue::refusal;
use super::rows::{self, COLUMNS, JOIN_STOCK};
use super::{Connection, Db, begin_batch, outbox, shelf, write};
use crate::events;
use crate::store::batch::{Plan, Writes};
use crate::store::record::options_of;
use crate::store::{Act, BatchOutcome, BatchRow, Family, ProductRecord, StoreError};

/// Values of one list.
const VALUES: usize = 500;

pub(super) async fn upsert(
    connection: &mut Connection,
    rows: &[BatchRow],
    act: &Act,
    clock: &dyn Clock,
) -> Result<Vec<BatchOutcome>, StoreError> {
    begin_batch(connection).await?;
    let mut plan = Plan::default();
    for product in known(connection, rows).await? {
        plan.know(product);
    }
    let outcomes: Vec<BatchOutcome> = rows.iter().map(|row| plan.add(row)).collect();
    let Writes {
        updates,
        inserts,
        stock,
    } = plan.finish();

    put_families(connection, rows, &outcomes, updates.iter().chain(&inserts), act).await?;
    let mut happened = Vec::with_capacity(updates.len() + inserts.len() + stock.len());
    for record in &updates {
        happened.push(update(connection, record, act, clock).await?);
    }
    let new: Vec<&ProductRecord> = inserts.iter().collect();
    write::insert_products(connection, &new).await.map_err(refusal)?;
    let shelves: Vec<_> = inserts
        .iter()
        .map(|record| (record.product.id, record.product.stock))
        .collect();
    shelf::stock_up(connection, &shelves, "imported", act).await?;
    happened.extend(inserts.iter().map(|ProductRecord { product, .. }| {
        events::product_changed(PRODUCT_CREATED, product.id, product.version, clock, act)
    }));
    for (id, change) in stock {
        let shelf = shelf::change(connection, id, change, "imported", act).await?;
        happened.push(events::stock_changed(id, shelf.available(), shelf.seq, clock, act));
    }
    outbox::append(connection, &happened).await?;
    Ok(outcomes)
}

async fn update(
    connection: &mut Connection,
    record: &ProductRecord,
    act: &Act,
    clock: &dyn Clock,
) -> Result<Event, StoreError> {
    let product = &record.product;
    let expected = Some(product.version);
    let updated = write::update_product(connection, record, expected, act.at)
        .await
        .map_err(refusal)?;
    if !updated {
        return Err(StoreError::VersionMismatch);
    }
    Ok(events::product_changed(
        PRODUCT_UPDATED,
        product.id,
        product.version + 1,
        clock,
        act,
    ))
}

/// Families that written rows describe become what the last of them says; others are founded by their first member.
async fn put_families(
    connection: &mut Connection,
    rows: &[BatchRow],
    outcomes: &[BatchOutcome],
    written: impl Iterator<Item = &ProductRecord>,
    act: &Act,
) -> Result<(), Error> {
    let mut described: BTreeMap<&str, &Family> = BTreeMap::new();
    for (row, outcome) in rows.iter().zip(outcomes) {
        let is_written = matches!(outcome, BatchOutcome::Created { .. } | BatchOutcome::Updated { .. });
        if let Some(family) = row.family.as_deref().filter(|_| is_written) {
            described.insert(&family.handle, family);
        }
    }
    let families: Vec<&Family> = described.values().copied().collect();
    write::put_families(connection, &families, act.at).await?;
    let mut founded: BTreeMap<&str, &ProductRecord> = BTreeMap::new();
    for record in written {
        let handle = record.product.family.as_deref();
        if let Some(handle) = handle.filter(|handle| !described.contains_key(handle)) {
            founded.entry(handle).or_insert(record);
        }
    }
    let families: Vec<Family> = founded.values().filter_map(|record| record.founded_family()).collect();
    let families: Vec<&Family> = families.iter().collect();
    write::found_families(connection, &families, act.at).await
}

/// The living products that the rows name by sku or by options.
async fn known(connection: &mut Connection, rows: &[BatchRow]) -> Result<Vec<Product>, Error> {
    let mut known = Vec::new();
    let wanted = rows.iter().map(|row| row.product.sku.as_str());
    let fallbacks = rows
        .iter()
        .flat_map(|row| row.fallback_skus.iter())
        .map(values::Sku::as_str);
    let skus: Vec<&str> = wanted.chain(fallbacks).collect();
    for skus in skus.chunks(VALUES) {
        let mut sql = select();
        sql.push(" AND p.sku IN (");
        let mut list = sql.separated(", ");
        for sku in skus {
            list.push_bind(*sku);
        }
        sql.push(")");
        fetch(connection, sql, &mut known).await?;
    }
    let options: Vec<(String, String)> = rows.iter().filter_map(|row| options_of(&row.product)).collect();
    for options in options.chunks(VALUES) {
        let mut sql = select();
        sql.push(" AND p.family IS NOT NULL AND (p.family, p.options_key) IN (");
        sql.push_values(options, |mut row, (family, key)| {
            row.push_bind(family).push_bind(key);
        });
        sql.push(")");
        fetch(connection, sql, &mut known).await?;
    }
    Ok(known)
}

fn select() -> QueryBuilder<Db> {
    let mut sql = QueryBuilder::new("SELECT ");
    sql.push(COLUMNS)
        .push(" FROM products p")
        .push(JOIN_STOCK)
        .push(" WHERE p.deleted_at IS NULL");
    sql
}

async fn fetch(connection: &mut Connection, mut sql: QueryBuilder<Db>, into: &mut Vec<Product>) -> Result<(), Error> {
    for row in sql.build().persistent(false).fetch_all(connection).await? {
        into.push(rows::product(&row)?);
    }
    Ok(())
}
