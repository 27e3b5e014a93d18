//! Orders as reconciling sees them: with the number of events they have caused.

use std::collections::HashMap;

use order_api::events::{ORDER_CANCELLED, ORDER_CONFIRMED, ORDER_PAID, ORDER_REJECTED};
use order_api::{EventCounts, OrderRecord};
use sqlx::{Database, QueryBuilder};
use values::{Money, OrderId};

use super::Db;
use crate::order::StoredOrder;
use crate::store::StoreError;

type Connection = <Db as Database>::Connection;

pub(super) async fn records(
    connection: &mut Connection,
    orders: Vec<StoredOrder>,
) -> Result<Vec<OrderRecord>, StoreError> {
    let ids: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
    let mut events = events_of(connection, &ids).await?;
    let records = orders.into_iter().map(|order| {
        let events = events.remove(&order.id.to_string()).unwrap_or_default();
        record(order, events)
    });
    Ok(records.collect())
}

async fn events_of(connection: &mut Connection, ids: &[OrderId]) -> Result<HashMap<String, EventCounts>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut count = QueryBuilder::<Db>::new("SELECT subject, kind, COUNT(*) FROM outbox WHERE subject IN (");
    let mut places = count.separated(", ");
    for id in ids {
        places.push_bind(id.to_string());
    }
    count.push(") GROUP BY subject, kind");
    let rows = count
        .build_query_as::<(String, String, i64)>()
        .fetch_all(connection)
        .await;
    let mut events: HashMap<String, EventCounts> = HashMap::new();
    for (subject, kind, number) in rows.map_err(platform_sql::Error::from)? {
        let counts = events.entry(subject).or_default();
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        match kind.as_str() {
            ORDER_CONFIRMED => counts.confirmed = number,
            ORDER_PAID => counts.paid = number,
            ORDER_REJECTED => counts.rejected = number,
            ORDER_CANCELLED => counts.cancelled = number,
            _ => {}
        }
    }
    Ok(events)
}

fn record(order: StoredOrder, events: EventCounts) -> OrderRecord {
    OrderRecord {
        id: order.id,
        user_id: order.user_id,
        state: order.state,
        provider: order.provider,
        lines: order
            .lines
            .iter()
            .map(|line| (line.product_id, line.quantity))
            .collect(),
        total: order.total.map(Money::amount),
        captured: order.captured,
        refunded: order.refunded,
        cancel_requested: order.cancel_requested,
        events,
        created_at: order.created_at,
        updated_at: order.updated_at,
        deadline_at: order.deadline_at,
        confirmed_at: order.confirmed_at,
    }
}
