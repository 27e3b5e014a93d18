//! Where shelf, ledger and reservations do not agree: invariants 1 to 3 of the protocol.

use platform_sql::Error;
use product_api::StockFault;
use uuid::Uuid;

use super::Connection;

/// Faults that are told.
const MOST: i64 = 1_000;

pub(super) async fn faults(connection: &mut Connection) -> Result<Vec<StockFault>, Error> {
    shelves(connection).await
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
         ORDER BY s.product_id LIMIT $1",
    );
    let rows: Vec<(Uuid, i64, i64, i64, i64)> = select.bind(MOST).fetch_all(connection).await?;
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
