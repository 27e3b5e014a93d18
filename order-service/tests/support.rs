//! What several subjects need.

pub(crate) mod catalogue;
pub(crate) mod shop;
pub(crate) mod stocks;

use std::sync::Arc;
use std::time::Duration;

use order_service::app::SCHEMA;
use order_service::order::{NewOrder, Occasion};
use order_service::store::{OrderStore, postgres, sqlite};
use platform_clock::{Clock, ManualClock};
use platform_sql::Database;
use product_api::StockLine;
use values::{OrderId, ProductId, Quantity, UserId};

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

    /// An order of two products that is not in the books yet.
    pub(crate) fn new_order(&self, user_id: UserId, key: &str) -> NewOrder {
        let now = self.clock.now();
        NewOrder {
            id: OrderId::from(self.clock.new_id()),
            user_id,
            idempotency_key: key.to_owned(),
            request_hash: [7; 32],
            provider: "none",
            lines: lines(&[(self.clock.new_id().into(), 2), (self.clock.new_id().into(), 3)]),
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
            created_at: now,
            next_attempt_at: now.plus(Duration::from_secs(3)),
            deadline_at: now.plus(Duration::from_mins(10)),
        }
    }

    pub(crate) fn occasion(&self) -> Occasion {
        let now = self.clock.now();
        Occasion {
            now,
            lease_until: now.plus(Duration::from_secs(3)),
            event_id: self.clock.new_id(),
        }
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
