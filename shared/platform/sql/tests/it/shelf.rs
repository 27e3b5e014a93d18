//! A store as every service has one: a trait, one source of SQL, two dialect files, one suite.

mod postgres;
mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use platform_clock::{Clock, ManualClock};
use platform_events::Event;
use platform_sql::idempotency::{IdempotencyKey, Remembered};
use platform_sql::{Database, Schema};
use uuid::Uuid;

/// What lies on a shelf.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Goods {
    pub(crate) id: Uuid,
    pub(crate) label: String,
    pub(crate) on_hand: i64,
}

/// What a caller of the store can act on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShelfError {
    #[error("the label is taken")]
    LabelTaken,
    #[error("there is not enough")]
    NotEnough,
    #[error(transparent)]
    Database(#[from] platform_sql::Error),
}

/// One method, one use case, one unit of work.
#[async_trait]
pub(crate) trait ShelfStore: Send + Sync + 'static {
    async fn put(&self, goods: Goods) -> Result<(), ShelfError>;
    async fn find(&self, id: Uuid) -> Result<Option<Goods>, ShelfError>;
    async fn take(&self, id: Uuid, quantity: i64, event: Event) -> Result<i64, ShelfError>;
    /// Takes one, once an event.
    async fn take_for(&self, consumer: &'static str, id: Uuid, event: Event) -> Result<bool, ShelfError>;
    /// Takes one, once a key; answers what was known of the key before.
    async fn press(&self, key: IdempotencyKey, id: Uuid, event: Event) -> Result<Remembered, ShelfError>;
}

/// What a test needs: the store, and the database under it.
pub(crate) struct Shelf {
    pub(crate) store: Arc<dyn ShelfStore>,
    pub(crate) database: Database,
    pub(crate) clock: ManualClock,
}

impl Shelf {
    pub(crate) fn event(&self) -> Event {
        Event::new(
            self.clock.new_id(),
            "shelf.taken.v1",
            "/shelf",
            "s",
            self.clock.now(),
            &(),
        )
        .unwrap()
    }

    pub(crate) async fn with_goods(&self, label: &str, on_hand: i64) -> Goods {
        let goods = Goods {
            id: self.clock.new_id(),
            label: label.to_owned(),
            on_hand,
        };
        self.store.put(goods.clone()).await.unwrap();
        goods
    }
}

/// What a process would name.
pub(crate) const SCHEMA: Schema = Schema {
    service: "shelf",
    sqlite: sqlite::MIGRATIONS,
    postgres: postgres::MIGRATIONS,
};

pub(crate) async fn migrate(database: &Database) -> Result<(), platform_sql::Error> {
    database.migrate(&SCHEMA).await
}

pub(crate) async fn pending(database: &Database) -> Result<Vec<&'static str>, platform_sql::Error> {
    database.pending_migrations(&SCHEMA).await
}

pub(crate) async fn open(database: Database) -> Shelf {
    migrate(&database).await.unwrap();
    over(database)
}

/// The store on a schema that is left as it is.
pub(crate) fn over(database: Database) -> Shelf {
    let store: Arc<dyn ShelfStore> = match &database {
        Database::Sqlite(database) => Arc::new(sqlite::open(database)),
        Database::Postgres(database) => Arc::new(postgres::open(database)),
    };
    Shelf {
        store,
        database,
        clock: ManualClock::default(),
    }
}
