//! Reads of reservations and of the shelves under them.

use platform_sql::Error;
use product_api::{Reservation, ReservedLine};
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;
use values::{OrderId, ProductId, Quantity, Timestamp};

use super::rows::{self, Row as Read};
use super::{Connection, Db, LOCK_RESERVATION, LOCK_STOCK, push_in};
use crate::store::LOCATION;
use crate::store::stock::{Goods, Row, refusal_of, state_of};

/// What a reservation is read from, `reservations r` and `reservation_lines l`.
const COLUMNS: &str = "r.order_id, r.state, r.request_hash, r.detail, r.expires_at, \
    l.product_id, l.quantity, l.counted, l.sku, l.name, l.unit_price, l.currency";

/// The reservations of orders, locked in the order of their ids.
pub(super) async fn lock(connection: &mut Connection, order_ids: &[Uuid]) -> Result<Vec<(OrderId, Row)>, Error> {
    let mut sql = QueryBuilder::<Db>::new("SELECT ");
    sql.push(COLUMNS)
        .push(" FROM reservations r LEFT JOIN reservation_lines l ON l.order_id = r.order_id WHERE r.order_id");
    push_in(&mut sql, order_ids);
    sql.push(" ORDER BY r.order_id, l.product_id").push(LOCK_RESERVATION);
    together(&sql.build().fetch_all(connection).await?)
}

/// Reservations after an id in the order of their ids.
pub(super) async fn page(
    connection: &mut Connection,
    after: Option<OrderId>,
    limit: u32,
) -> Result<Vec<Reservation>, Error> {
    let mut sql = QueryBuilder::<Db>::new("SELECT ");
    sql.push(COLUMNS).push(" FROM (SELECT * FROM reservations");
    if let Some(after) = after {
        sql.push(" WHERE order_id > ").push_bind(after.as_uuid());
    }
    sql.push(" ORDER BY order_id LIMIT ")
        .push_bind(i64::from(limit))
        .push(") AS r LEFT JOIN reservation_lines l ON l.order_id = r.order_id ORDER BY r.order_id, l.product_id");
    let rows = together(&sql.build().fetch_all(connection).await?)?;
    Ok(rows.iter().map(|(order_id, row)| row.reservation(*order_id)).collect())
}

/// Orders whose goods have been held for too long.
pub(super) async fn due(connection: &mut Connection, now: Timestamp, limit: u32) -> Result<Vec<OrderId>, Error> {
    let due = sqlx::query_scalar(
        "SELECT order_id FROM reservations WHERE expires_at IS NOT NULL AND expires_at <= $1 ORDER BY expires_at LIMIT $2",
    );
    let due = due.bind(now.as_micros()).bind(i64::from(limit));
    let due: Vec<Uuid> = due.fetch_all(connection).await?;
    Ok(due.into_iter().map(OrderId::from).collect())
}

/// The shelves of products, those of deleted ones too, locked in the order of their ids.
pub(super) async fn lock_shelves(
    connection: &mut Connection,
    product_ids: &[Uuid],
) -> Result<Vec<(ProductId, Goods)>, Error> {
    let mut sql = QueryBuilder::<Db>::new(
        "SELECT s.product_id, s.counted, s.on_hand, s.reserved, s.seq, p.sku, p.name, p.currency, p.price,
             p.published AND p.deleted_at IS NULL AS for_sale
         FROM stock s JOIN products p ON p.id = s.product_id WHERE s.location = ",
    );
    sql.push_bind(LOCATION).push(" AND s.product_id");
    push_in(&mut sql, product_ids);
    sql.push(" ORDER BY s.product_id").push(LOCK_STOCK);
    let rows = sql.build().fetch_all(connection).await?;
    rows.iter().map(goods).collect()
}

/// Rows of one reservation stand together, one for each line.
fn together(read: &[Read]) -> Result<Vec<(OrderId, Row)>, Error> {
    let mut reservations: Vec<(OrderId, Row)> = Vec::new();
    for read in read {
        let order_id = OrderId::from(read.try_get::<Uuid, _>(0)?);
        if reservations.last().is_none_or(|(last, _)| *last != order_id) {
            reservations.push((order_id, reservation(read)?));
        }
        if let (Some(line), Some((_, reservation))) = (line(read)?, reservations.last_mut()) {
            reservation.lines.push(line);
        }
    }
    Ok(reservations)
}

fn reservation(read: &Read) -> Result<Row, Error> {
    let detail: Option<&str> = read.try_get(3)?;
    let expires_at: Option<i64> = read.try_get(4)?;
    Ok(Row {
        state: state_of(read.try_get(1)?)?,
        request_hash: read.try_get(2)?,
        refusal: detail.map(refusal_of).transpose()?,
        expires_at: expires_at.map(Timestamp::from_micros),
        lines: Vec::new(),
    })
}

fn line(read: &Read) -> Result<Option<ReservedLine>, Error> {
    let Some(product_id) = read.try_get::<Option<Uuid>, _>(5)? else {
        return Ok(None);
    };
    Ok(Some(ReservedLine {
        product_id: product_id.into(),
        quantity: Quantity::try_from(read.try_get::<i64, _>(6)?).map_err(rows::bad)?,
        counted: read.try_get(7)?,
        sku: rows::sku(read.try_get(8)?)?,
        name: read.try_get(9)?,
        unit_price: rows::money(read.try_get(10)?, rows::currency(read.try_get(11)?)?)?,
    }))
}

fn goods(read: &Read) -> Result<(ProductId, Goods), Error> {
    let product_id = ProductId::from(read.try_get::<Uuid, _>(0)?);
    let goods = Goods {
        counted: read.try_get(1)?,
        on_hand: read.try_get(2)?,
        reserved: read.try_get(3)?,
        seq: read.try_get(4)?,
        sku: rows::sku(read.try_get(5)?)?,
        name: read.try_get(6)?,
        price: rows::money(read.try_get(8)?, rows::currency(read.try_get(7)?)?)?,
        for_sale: read.try_get(9)?,
    };
    Ok((product_id, goods))
}
