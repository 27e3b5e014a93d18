//! Reads of single products, and of all of them in a row.

use platform_sql::Error;
use product_api::{Change, Product, View};
use sqlx::QueryBuilder;
use values::ProductId;

use super::rows::{self, AFTER_COLUMNS, COLUMNS, JOIN_STOCK};
use super::{Connection, Db};
use crate::store::{ChangedAt, Exported};

pub(super) async fn find(connection: &mut Connection, id: ProductId, view: View) -> Result<Option<Product>, Error> {
    let mut sql = select();
    sql.push(" WHERE p.id = ")
        .push_bind(id.as_uuid())
        .push(" AND p.deleted_at IS NULL");
    push_view(&mut sql, view);
    let row = sql.build().fetch_optional(connection).await?;
    row.as_ref().map(rows::product).transpose()
}

pub(super) async fn find_many(
    connection: &mut Connection,
    ids: &[ProductId],
    view: View,
) -> Result<Vec<Product>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = select();
    push_ids(&mut sql, ids);
    sql.push(" AND p.deleted_at IS NULL");
    push_view(&mut sql, view);
    let rows = sql.build().persistent(false).fetch_all(connection).await?;
    rows.iter().map(rows::product).collect()
}

pub(super) async fn page_by_id(
    connection: &mut Connection,
    after: Option<ProductId>,
    limit: u32,
) -> Result<Vec<Exported>, Error> {
    let mut sql = QueryBuilder::<Db>::new("SELECT ");
    sql.push(COLUMNS)
        .push(", f.handle, f.name, f.description, f.images FROM products p");
    sql.push(JOIN_STOCK);
    sql.push(" LEFT JOIN families f ON f.handle = p.family WHERE p.deleted_at IS NULL");
    if let Some(after) = after {
        sql.push(" AND p.id > ").push_bind(after.as_uuid());
    }
    sql.push(" ORDER BY p.id LIMIT ").push_bind(i64::from(limit));
    let found = sql.build().fetch_all(connection).await?;
    let exported = found.iter().map(|row| {
        Ok(Exported {
            product: rows::product(row)?,
            family: rows::family(row, AFTER_COLUMNS)?,
        })
    });
    exported.collect()
}

pub(super) async fn changes(
    connection: &mut Connection,
    after: ChangedAt,
    limit: u32,
) -> Result<Vec<(ChangedAt, Change)>, Error> {
    let mut sql = select_changes();
    sql.push(" WHERE (p.updated_at, p.id) > (")
        .push_bind(after.at.as_micros());
    sql.push(", ").push_bind(after.id);
    sql.push(") ORDER BY p.updated_at, p.id LIMIT ")
        .push_bind(i64::from(limit));
    let rows = sql.build().fetch_all(connection).await?;
    rows.iter().map(rows::change).collect()
}

pub(super) async fn changes_of(connection: &mut Connection, ids: &[ProductId]) -> Result<Vec<Change>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = select_changes();
    push_ids(&mut sql, ids);
    let rows = sql.build().persistent(false).fetch_all(connection).await?;
    let changes = rows.iter().map(|row| rows::change(row).map(|(_, change)| change));
    changes.collect()
}

fn select_changes() -> QueryBuilder<Db> {
    QueryBuilder::new(
        "SELECT p.updated_at, p.id, p.sku, p.name, p.currency, p.price, p.published AND p.deleted_at IS NULL AS for_sale,
             p.version, CASE WHEN s.counted THEN s.on_hand - s.reserved END AS available, s.seq
         FROM products p LEFT JOIN stock s ON s.product_id = p.id AND s.location = 'main'",
    )
}

fn select() -> QueryBuilder<Db> {
    let mut sql = QueryBuilder::new("SELECT ");
    sql.push(COLUMNS).push(" FROM products p").push(JOIN_STOCK);
    sql
}

fn push_ids(sql: &mut QueryBuilder<Db>, ids: &[ProductId]) {
    sql.push(" WHERE p.id IN (");
    let mut list = sql.separated(", ");
    for id in ids {
        list.push_bind(id.as_uuid());
    }
    sql.push(")");
}

fn push_view(sql: &mut QueryBuilder<Db>, view: View) {
    if view == View::Public {
        sql.push(" AND p.published = TRUE");
    }
}
