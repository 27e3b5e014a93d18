//! Where shelf, ledger and reservations do not agree: invariants 1 to 3 of the protocol.

use platform_sql::Error;
use product_api::StockFault;
use uuid::Uuid;

use super::Connection;

/// Faults that are told.
const MOST: usize = 1_000;

/// Orders of one look.
const ORDERS: i64 = 5_000;

pub(super) async fn faults(connection: &mut Connection) -> Result<Vec<StockFault>, Error> {
    let mut faults = shelves(connection).await?;
    let mut after = Uuid::nil();
    while after < Uuid::max() && faults.len() < MOST {
        let last = sqlx::query_scalar(
            "SELECT order_id FROM reservations WHERE order_id > $1 ORDER BY order_id LIMIT 1 OFFSET $2",
        );
        let last: Option<Uuid> = last.bind(after).bind(ORDERS).fetch_optional(&mut *connection).await?;
        let last = last.unwrap_or(Uuid::max());
        faults.extend(orders(connection, after, last).await?);
        after = last;
    }
    faults.truncate(MOST);
    Ok(faults)
}

/// Products whose numbers do not add up, each as one statement sees it.
async fn shelves(connection: &mut Connection) -> Result<Vec<StockFault>, Error> {
    let select = sqlx::query_as(
        "SELECT s.product_id, s.on_hand, s.reserved, COALESCE(entered.pieces, 0), COALESCE(held.pieces, 0)
         FROM stock s
         LEFT JOIN (SELECT product_id, location, CAST(SUM(delta) AS BIGINT) AS pieces
             FROM stock_ledger GROUP BY product_id, location) entered
             ON entered.product_id = s.product_id AND entered.location = s.location
         LEFT JOIN (SELECT l.product_id, l.location, CAST(SUM(l.quantity) AS BIGINT) AS pieces
             FROM reservations r JOIN reservation_lines l ON l.order_id = r.order_id
             WHERE r.expires_at IS NOT NULL AND l.counted = TRUE GROUP BY l.product_id, l.location) held
             ON held.product_id = s.product_id AND held.location = s.location
         WHERE s.reserved < 0 OR s.reserved > s.on_hand OR s.on_hand <> COALESCE(entered.pieces, 0)
             OR s.reserved <> COALESCE(held.pieces, 0)
         ORDER BY s.product_id LIMIT 1000",
    );
    let rows: Vec<(Uuid, i64, i64, i64, i64)> = select.fetch_all(connection).await?;
    let mut faults = Vec::new();
    for (product_id, on_hand, reserved, entered, held) in rows {
        let broken = [
            (
                1,
                reserved < 0 || reserved > on_hand,
                format!("on_hand {on_hand}, reserved {reserved}"),
            ),
            (2, on_hand != entered, format!("on_hand {on_hand}, ledger {entered}")),
            (3, reserved != held, format!("reserved {reserved}, held {held}")),
        ];
        let broken = broken.into_iter().filter(|(_, is_broken, _)| *is_broken);
        faults.extend(broken.map(|(invariant, _, detail)| StockFault {
            product_id: product_id.into(),
            invariant,
            detail,
        }));
    }
    Ok(faults)
}

/// Orders of which more or less has gone than their reservations say, each as one statement sees it.
async fn orders(connection: &mut Connection, after: Uuid, last: Uuid) -> Result<Vec<StockFault>, Error> {
    let select = sqlx::query_as(
        "SELECT product_id, order_id, CAST(SUM(pieces) AS BIGINT) FROM (
             SELECT order_id, product_id, location, delta AS pieces FROM stock_ledger
             WHERE order_id > $1 AND order_id <= $2
             UNION ALL
             SELECT l.order_id, l.product_id, l.location, l.quantity FROM reservation_lines l
             JOIN reservations r ON r.order_id = l.order_id
             WHERE r.state = 'sold' AND l.counted = TRUE AND l.order_id > $1 AND l.order_id <= $2
         ) AS moved
         GROUP BY order_id, product_id, location HAVING SUM(pieces) <> 0 ORDER BY order_id, product_id LIMIT 1000",
    );
    let rows: Vec<(Uuid, Uuid, i64)> = select.bind(after).bind(last).fetch_all(connection).await?;
    let faults = rows.into_iter().map(|(product_id, order_id, pieces)| StockFault {
        product_id: product_id.into(),
        invariant: 2,
        detail: format!("order {order_id}: reservation and ledger differ by {pieces}"),
    });
    Ok(faults.collect())
}
