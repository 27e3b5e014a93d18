//! A store of orders on a fresh schema.

use std::sync::Arc;
use std::time::Duration;

use order_service::app::SCHEMA;
use order_service::store::{OrderStore, postgres, sqlite};
use platform_clock::{Clock, ManualClock};
use platform_sql::Database;
use product_api::StockLine;
use values::{ProductId, Quantity, UserId};

/// A store on a fresh schema, the database under it, and a clock.
pub(crate) struct Books {
    pub(crate) store: Arc<dyn OrderStore>,
    pub(crate) database: Database,
    pub(crate) clock: Arc<ManualClock>,
}

pub(crate) async fn open(database: Database) -> Books {
    database.migrate(&SCHEMA).await.unwrap();
    let store: Arc<dyn OrderStore> = match &database {
        Database::Sqlite(database) => Arc::new(sqlite::open(database)),
        Database::Postgres(database) => Arc::new(postgres::open(database)),
    };
    Books {
        store,
        database,
        clock: Arc::default(),
    }
}

impl Books {
    pub(crate) fn user(&self) -> UserId {
        self.clock.new_id().into()
    }
}

/// Lines sorted by product.
pub(crate) fn lines(wanted: &[(ProductId, i64)]) -> Vec<StockLine> {
    let mut lines: Vec<StockLine> = wanted
        .iter()
        .map(|&(product_id, quantity)| StockLine {
            product_id,
            quantity: Quantity::try_from(quantity).unwrap(),
        })
        .collect();
    lines.sort_by_key(|line| line.product_id);
    lines
}

/// Waits for a condition, far longer than it should take.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..1_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to be that {what}");
}
