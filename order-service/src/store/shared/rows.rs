//! Reads orders from rows of an order joined to one of its lines.

use order_api::OrderState;
use sqlx::{Database, Row as _};
use uuid::Uuid;
use values::{Currency, Money, OrderId, ProductId, Quantity, Sku, Timestamp, UserId};

use super::Db;
use crate::order::{OrderLine, Reason, Snapshot, StoredOrder};
use crate::store::StoreError;

type Row = <Db as Database>::Row;

/// What every read of orders selects, from `o` and `l`.
pub(super) const COLUMNS: &str = "o.number, o.id, o.user_id, o.request_hash, o.status, o.reason, o.detail, \
     o.cancel_requested, o.provider, o.total, o.currency, o.captured, o.refunded, o.version, o.attempts, \
     o.next_attempt_at, o.deadline_at, o.traceparent, o.created_at, o.updated_at, o.confirmed_at, \
     l.product_id, l.quantity, l.sku, l.name, l.unit_price";

/// The orders in the rows; the rows of one order must stand together.
pub(super) fn orders(rows: &[Row]) -> Result<Vec<StoredOrder>, StoreError> {
    let mut orders: Vec<StoredOrder> = Vec::new();
    for row in rows {
        let id = OrderId::from(get::<Uuid>(row, "id")?);
        if orders.last().is_none_or(|last| last.id != id) {
            orders.push(order(row, id)?);
        }
        let order = orders.last_mut().expect("one was pushed");
        let line = line(row)?;
        order.lines.push(line);
    }
    Ok(orders)
}

fn order(row: &Row, id: OrderId) -> Result<StoredOrder, StoreError> {
    let state = OrderState::from_name(get(row, "status")?).ok_or(StoreError::Unreadable("status"))?;
    let reason =
        get::<Option<&str>>(row, "reason")?.map(|name| Reason::from_name(name).ok_or(StoreError::Unreadable("reason")));
    let refusal = get::<Option<&str>>(row, "detail")?.map(serde_json::from_str);
    let hash: &[u8] = get(row, "request_hash")?;
    let total = get::<Option<i64>>(row, "total")?;
    Ok(StoredOrder {
        id,
        number: get(row, "number")?,
        user_id: UserId::from(get::<Uuid>(row, "user_id")?),
        request_hash: hash.try_into().map_err(|_| StoreError::Unreadable("request_hash"))?,
        state,
        reason: reason.transpose()?,
        refusal: refusal.transpose().map_err(|_| StoreError::Unreadable("detail"))?,
        cancel_requested: get(row, "cancel_requested")?,
        provider: get(row, "provider")?,
        total: total.map(|amount| money(row, amount)).transpose()?,
        captured: get(row, "captured")?,
        refunded: get(row, "refunded")?,
        version: get(row, "version")?,
        attempts: u32::try_from(get::<i64>(row, "attempts")?).unwrap_or(u32::MAX),
        next_attempt_at: get::<Option<i64>>(row, "next_attempt_at")?.map(Timestamp::from_micros),
        deadline_at: time(row, "deadline_at")?,
        traceparent: get(row, "traceparent")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        confirmed_at: get::<Option<i64>>(row, "confirmed_at")?.map(Timestamp::from_micros),
        lines: Vec::new(),
    })
}

fn line(row: &Row) -> Result<OrderLine, StoreError> {
    let quantity = Quantity::try_from(get::<i64>(row, "quantity")?);
    let snapshot = match get::<Option<String>>(row, "sku")? {
        Some(sku) => Some(Snapshot {
            sku: Sku::try_from(sku).map_err(|_| StoreError::Unreadable("sku"))?,
            name: get(row, "name")?,
            unit_price: money(row, get(row, "unit_price")?)?,
        }),
        None => None,
    };
    Ok(OrderLine {
        product_id: ProductId::from(get::<Uuid>(row, "product_id")?),
        quantity: quantity.map_err(|_| StoreError::Unreadable("quantity"))?,
        snapshot,
    })
}

/// An amount in the order's currency.
fn money(row: &Row, amount: i64) -> Result<Money, StoreError> {
    let currency: &str = get(row, "currency")?;
    let currency: Currency = currency.parse().map_err(|_| StoreError::Unreadable("currency"))?;
    Money::total(amount, currency).map_err(|_| StoreError::Unreadable("amount"))
}

fn time(row: &Row, column: &'static str) -> Result<Timestamp, StoreError> {
    Ok(Timestamp::from_micros(get(row, column)?))
}

fn get<'r, T: sqlx::Decode<'r, Db> + sqlx::Type<Db>>(row: &'r Row, column: &'static str) -> Result<T, StoreError> {
    Ok(row.try_get(column).map_err(platform_sql::Error::from)?)
}
