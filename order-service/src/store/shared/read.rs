//! Reads of orders.

use order_api::{OrderState, OrderStatus};
use sqlx::{Database, QueryBuilder};
use values::{OrderId, UserId};

use super::{Db, rows};
use crate::order::StoredOrder;
use crate::store::{ListOrders, StoreError};

type Connection = <Db as Database>::Connection;

/// The rows of one order with its lines, from what follows as `orders o`.
fn select() -> QueryBuilder<Db> {
    let mut select = QueryBuilder::new("SELECT ");
    select
        .push(rows::COLUMNS)
        .push(" FROM orders o JOIN order_lines l ON l.order_id = o.id WHERE ");
    select
}

pub(super) async fn find(
    connection: &mut Connection,
    id: OrderId,
    owner: Option<UserId>,
) -> Result<Option<StoredOrder>, StoreError> {
    let mut select = select();
    select.push("o.id = ").push_bind(id.as_uuid());
    if let Some(owner) = owner {
        select.push(" AND o.user_id = ").push_bind(owner.as_uuid());
    }
    select.push(" ORDER BY l.product_id");
    one(connection, select).await
}

pub(super) async fn find_by_key(
    connection: &mut Connection,
    owner: UserId,
    key: &str,
) -> Result<Option<StoredOrder>, StoreError> {
    let mut select = select();
    select.push("o.user_id = ").push_bind(owner.as_uuid());
    select.push(" AND o.idempotency_key = ").push_bind(key.to_owned());
    select.push(" ORDER BY l.product_id");
    one(connection, select).await
}

pub(super) async fn find_many(connection: &mut Connection, ids: &[OrderId]) -> Result<Vec<StoredOrder>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = select();
    select.push("o.id IN (");
    let mut places = select.separated(", ");
    for id in ids {
        places.push_bind(id.as_uuid());
    }
    select.push(") ORDER BY o.id, l.product_id");
    many(connection, select).await
}

pub(super) async fn after(
    connection: &mut Connection,
    after: Option<OrderId>,
    limit: u32,
) -> Result<Vec<StoredOrder>, StoreError> {
    let mut select = select();
    select.push("o.id IN (SELECT id FROM orders");
    if let Some(after) = after {
        select.push(" WHERE id > ").push_bind(after.as_uuid());
    }
    select.push(" ORDER BY id LIMIT ").push_bind(i64::from(limit));
    select.push(") ORDER BY o.id, l.product_id");
    many(connection, select).await
}

pub(super) async fn list(connection: &mut Connection, query: &ListOrders) -> Result<Vec<StoredOrder>, StoreError> {
    let mut select = select();
    select.push("o.id IN (SELECT id FROM orders WHERE ");
    push_filters(&mut select, query.owner, query.status);
    if let Some(before) = query.before {
        select.push(" AND id < ").push_bind(before.as_uuid());
    }
    select
        .push(" ORDER BY id DESC LIMIT ")
        .push_bind(i64::from(query.limit));
    select.push(") ORDER BY o.id DESC, l.product_id");
    many(connection, select).await
}

pub(super) async fn count(
    connection: &mut Connection,
    owner: Option<UserId>,
    status: Option<OrderStatus>,
) -> Result<u64, StoreError> {
    let mut count = QueryBuilder::<Db>::new("SELECT COUNT(*) FROM orders WHERE ");
    push_filters(&mut count, owner, status);
    let count: i64 = count
        .build_query_scalar()
        .fetch_one(connection)
        .await
        .map_err(platform_sql::Error::from)?;
    Ok(count.cast_unsigned())
}

fn push_filters(select: &mut QueryBuilder<Db>, owner: Option<UserId>, status: Option<OrderStatus>) {
    match status {
        None => drop(select.push("status <> 'rejected'")),
        Some(status) => {
            select.push("status IN (");
            let mut names = select.separated(", ");
            for state in OrderState::ALL.into_iter().filter(|state| state.status() == status) {
                names.push_bind(state.name());
            }
            select.push(")");
        }
    }
    if let Some(owner) = owner {
        select.push(" AND user_id = ").push_bind(owner.as_uuid());
    }
}

async fn one(connection: &mut Connection, select: QueryBuilder<Db>) -> Result<Option<StoredOrder>, StoreError> {
    Ok(many(connection, select).await?.pop())
}

async fn many(connection: &mut Connection, mut select: QueryBuilder<Db>) -> Result<Vec<StoredOrder>, StoreError> {
    let rows = select
        .build()
        .fetch_all(connection)
        .await
        .map_err(platform_sql::Error::from)?;
    rows::orders(&rows)
}
