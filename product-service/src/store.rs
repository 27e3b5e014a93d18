//! What is kept: the traits of the stores, what goes in and out of them, and what may go wrong.
//!
//! One method is one use case and one unit of work. Both adapters run the same SQL (`store/shared`); what differs
//! between the engines stands in `store/sqlite.rs` and `store/postgres.rs`.

mod batch;
mod list;
mod postgres;
mod record;
mod sqlite;
pub mod stock;

use std::sync::Arc;

use async_trait::async_trait;
use platform_clock::Clock;
use platform_sql::Database;
use platform_sql::idempotency::{IdempotencyKey, StoredAnswer};
use platform_sql::schema::Schema;
use product_api::{Change, Product, View};
use uuid::Uuid;
use values::{ProductId, Timestamp};

pub use batch::{BatchOutcome, BatchRow, Field, Identity, Replaced};
pub use list::{ListQuery, Listed, Order, Place, SearchTerms};
pub use postgres::{PgProductStore, Words};
pub use record::{Family, ProductRecord};
pub use sqlite::SqliteProductStore;
pub use stock::StockStore;

/// The name of the service: of its schema or file, and in the audience `stoa:product`.
pub const NAME: &str = "product";

/// What the service keeps.
pub const SCHEMA: Schema = Schema {
    service: NAME,
    sqlite: sqlite::MIGRATIONS,
    postgres: postgres::MIGRATIONS,
};

/// The one location there is, for now.
pub const LOCATION: &str = "main";

/// The catalogue as it is kept.
#[async_trait]
pub trait ProductStore: Send + Sync + 'static {
    /// A living product that the view shows.
    async fn find(&self, id: ProductId, view: View) -> Result<Option<Product>, StoreError>;

    /// Those of the products that live and the view shows, in no promised order.
    async fn find_many(&self, ids: &[ProductId], view: View) -> Result<Vec<Product>, StoreError>;

    /// The rows of a page in order; at most `query.limit`.
    async fn list(&self, query: &ListQuery) -> Result<Vec<Listed>, StoreError>;

    /// How many rows the pages of a list have in all.
    async fn count(&self, query: &ListQuery) -> Result<i64, StoreError>;

    /// A new product with its stock, ledger row and event.
    async fn create(&self, record: ProductRecord, act: Act, once: Option<Once>) -> Result<Answered, StoreError>;

    /// Replaces all but id, stock and time of creation, where the version is the expected one.
    async fn update(&self, record: ProductRecord, expected: Option<i64>, act: Act) -> Result<Product, StoreError>;

    /// Hides a product and frees its sku.
    async fn delete(&self, id: ProductId, expected: Option<i64>, act: Act) -> Result<(), StoreError>;

    /// Changes what is on the shelf beside running sales, with its ledger row and event.
    async fn change_stock(
        &self,
        id: ProductId,
        change: StockChange,
        reason: String,
        act: Act,
        once: Option<Once>,
    ) -> Result<Answered, StoreError>;

    /// Keeps a refusal as the answer to a key, unless the key has an answer already; that one is given then.
    async fn remember_refusal(
        &self,
        key: IdempotencyKey,
        answer: StoredAnswer,
        act: Act,
    ) -> Result<Answered, StoreError>;

    /// Creates and updates many, each row by itself: see [`BatchRow`]. At most 2,000 rows; the answer has one for each.
    async fn upsert_batch(&self, rows: Arc<[BatchRow]>, act: Act) -> Result<Vec<BatchOutcome>, StoreError>;

    /// No more batches follow for now: what was held for them is let go.
    async fn batches_end(&self) -> Result<(), StoreError>;

    /// Living products after an id in the order of their ids, for an export.
    async fn page_by_id(&self, after: Option<ProductId>, limit: u32) -> Result<Vec<Exported>, StoreError>;

    /// Products after a place in the order of their last change, deleted ones too.
    async fn changes(&self, after: ChangedAt, limit: u32) -> Result<Vec<(ChangedAt, Change)>, StoreError>;

    /// The same of certain products, in no promised order.
    async fn changes_of(&self, ids: &[ProductId]) -> Result<Vec<Change>, StoreError>;
}

/// An opened database with the stores on it.
#[derive(Clone)]
pub struct Stores {
    /// Where they are.
    pub database: Database,
    /// The catalogue.
    pub products: Arc<dyn ProductStore>,
    /// Goods for orders.
    pub stock: Arc<dyn StockStore>,
}

impl Stores {
    /// The stores on a database; within a runtime, which their workers live on.
    pub fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        let (products, stock): (Arc<dyn ProductStore>, Arc<dyn StockStore>) = match &database {
            Database::Sqlite(database) => {
                let store = Arc::new(SqliteProductStore::new(database, clock));
                (store.clone(), store)
            }
            Database::Postgres(database) => {
                let store = Arc::new(PgProductStore::new(database, clock));
                (store.clone(), store)
            }
        };
        Self {
            database,
            products,
            stock,
        }
    }
}

/// A product with what is known of its family, for an export.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    /// The product.
    pub product: Product,
    /// Its family.
    pub family: Option<Family>,
}

/// A place in the order of last changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangedAt {
    /// When.
    pub at: Timestamp,
    /// Which.
    pub id: Uuid,
}

/// Who does something, when, and on whose request.
#[derive(Debug, Clone)]
pub struct Act {
    /// When.
    pub at: Timestamp,
    /// The account or client that asked.
    pub actor: Option<String>,
    /// The request it was part of.
    pub request_id: Option<String>,
    /// The trace it was part of.
    pub traceparent: Option<String>,
}

/// What makes a write happen once: a key, and how the answer is rendered that is kept under it.
#[derive(Debug, Clone)]
pub struct Once {
    /// The key, with whose it is and what it means.
    pub key: IdempotencyKey,
    /// The answer for a product that was written.
    pub render: fn(&Product) -> StoredAnswer,
}

/// The answer to a write that may carry a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Answered {
    /// It was written just now.
    Now(Box<Product>),
    /// It was answered before.
    Before(StoredAnswer),
}

/// A change of stock by an admin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockChange {
    /// So many more or fewer.
    Delta(i64),
    /// What can be bought from now on; none: not counted.
    Set(Option<i64>),
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such living product.
    #[error("there is no such product")]
    NotFound,
    /// A living product has the sku.
    #[error("the sku is taken")]
    SkuTaken,
    /// A living member of the family has the options.
    #[error("the options are taken")]
    OptionsTaken,
    /// The product has another version.
    #[error("the version is another")]
    VersionMismatch,
    /// A delta on what is not counted.
    #[error("the stock is not counted")]
    NotCounted,
    /// There is too little.
    #[error("only {available} are available")]
    Insufficient {
        /// What can be had.
        available: i64,
    },
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The database.
    #[error(transparent)]
    Database(#[from] platform_sql::Error),
}
