//! The shelf beside running sales: what an admin changes, and where a new product begins.

use platform_sql::Error;
use sqlx::QueryBuilder;
use uuid::Uuid;
use values::{ProductId, Timestamp};

use super::{Connection, Db, LOCK_STOCK};
use crate::store::{Act, LOCATION, StockChange, StoreError};

/// Rows of one statement.
const ROWS: usize = 500;

/// A row of the shelf.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shelf {
    pub(super) counted: bool,
    pub(super) on_hand: i64,
    pub(super) reserved: i64,
    pub(super) seq: i64,
}

impl Shelf {
    pub(super) fn available(self) -> Option<i64> {
        self.counted.then_some(self.on_hand - self.reserved)
    }

    /// The row after a change.
    fn changed(self, change: StockChange) -> Result<Self, StoreError> {
        let (counted, on_hand) = match change {
            StockChange::Delta(_) if !self.counted => return Err(StoreError::NotCounted),
            StockChange::Delta(delta) => (true, self.on_hand.saturating_add(delta)),
            StockChange::Set(Some(available)) => (true, self.reserved.saturating_add(available)),
            StockChange::Set(None) => (false, self.on_hand),
        };
        if on_hand < self.reserved {
            let available = self.on_hand - self.reserved;
            return Err(StoreError::Insufficient { available });
        }
        Ok(Self {
            counted,
            on_hand,
            reserved: self.reserved,
            seq: self.seq + 1,
        })
    }
}

/// Puts new products on the shelf, with what there is of each at first.
pub(super) async fn stock_up(
    connection: &mut Connection,
    products: &[(ProductId, Option<i64>)],
    reason: &str,
    act: &Act,
) -> Result<(), Error> {
    for products in products.chunks(ROWS) {
        let mut sql =
            QueryBuilder::<Db>::new("INSERT INTO stock (product_id, location, counted, on_hand, reserved, seq) ");
        sql.push_values(products, |mut row, (id, stock)| {
            row.push_bind(id.as_uuid())
                .push_bind(LOCATION)
                .push_bind(stock.is_some())
                .push_bind(stock.unwrap_or(0))
                .push_bind(0_i64)
                .push_bind(1_i64);
        });
        let persistent = matches!(products.len(), 1 | ROWS);
        sql.build().persistent(persistent).execute(&mut *connection).await?;
    }
    let filled = products
        .iter()
        .filter_map(|(id, stock)| Some((*id, stock.filter(|stock| *stock != 0)?)));
    let entries: Vec<(ProductId, i64)> = filled.collect();
    enter(connection, &entries, reason, act).await
}

/// Changes one product's shelf and answers what it is then.
pub(super) async fn change(
    connection: &mut Connection,
    id: ProductId,
    change: StockChange,
    reason: &str,
    act: &Act,
) -> Result<Shelf, StoreError> {
    let before = lock(connection, id).await?.ok_or(StoreError::NotFound)?;
    let after = before.changed(change)?;
    let update =
        sqlx::query("UPDATE stock SET counted = $2, on_hand = $3, seq = $4 WHERE product_id = $1 AND location = $5")
            .bind(id.as_uuid())
            .bind(after.counted)
            .bind(after.on_hand)
            .bind(after.seq)
            .bind(LOCATION);
    update.execute(&mut *connection).await.map_err(Error::from)?;
    enter(connection, &[(id, after.on_hand - before.on_hand)], reason, act).await?;
    Ok(after)
}

async fn lock(connection: &mut Connection, id: ProductId) -> Result<Option<Shelf>, Error> {
    let mut sql = QueryBuilder::<Db>::new(
        "SELECT s.counted, s.on_hand, s.reserved, s.seq FROM stock s JOIN products p ON p.id = s.product_id
         WHERE p.deleted_at IS NULL AND s.product_id = ",
    );
    sql.push_bind(id.as_uuid())
        .push(" AND s.location = ")
        .push_bind(LOCATION)
        .push(LOCK_STOCK);
    let row: Option<(bool, i64, i64, i64)> = sql.build_query_as().fetch_optional(connection).await?;
    Ok(row.map(|(counted, on_hand, reserved, seq)| Shelf {
        counted,
        on_hand,
        reserved,
        seq,
    }))
}

/// Enters changes by an admin into the ledger.
async fn enter(connection: &mut Connection, deltas: &[(ProductId, i64)], reason: &str, act: &Act) -> Result<(), Error> {
    for deltas in deltas.chunks(ROWS) {
        let mut sql = QueryBuilder::<Db>::new(
            "INSERT INTO stock_ledger (product_id, location, delta, kind, order_id, reason, actor, request_id, at) ",
        );
        sql.push_values(deltas, |mut row, (id, delta)| {
            row.push_bind(id.as_uuid())
                .push_bind(LOCATION)
                .push_bind(*delta)
                .push_bind("admin")
                .push_bind(None::<Uuid>)
                .push_bind(reason)
                .push_bind(&act.actor)
                .push_bind(&act.request_id)
                .push_bind(Timestamp::as_micros(act.at));
        });
        let persistent = matches!(deltas.len(), 1 | ROWS);
        sql.build().persistent(persistent).execute(&mut *connection).await?;
    }
    Ok(())
}
