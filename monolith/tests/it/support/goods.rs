//! Goods as product-service keeps them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use platform_clock::{Clock, ManualClock};
use platform_sql::Database;
use platform_sql::testing::TestDatabase;
use product_api::testing::{HELD_FOR, Shelf};
use product_api::{NewProduct, Options, ProductUpdate, Products, Stock};
use product_service::service::{ProductService, StockService};
use product_service::store::Stores;
use product_service::{NAME, SCHEMA};
use values::{Currency, Money, ProductId, Sku};

use super::warehouse::Warehouse;

/// product-service's rules on a database of their own.
pub(crate) struct Goods {
    clock: Arc<ManualClock>,
    products: ProductService,
    stock: StockService,
    stores: Stores,
    _database: TestDatabase,
}

impl Goods {
    /// On the same engine as another database.
    pub(crate) async fn beside(other: &Database) -> Self {
        let database = match other {
            Database::Sqlite(_) => TestDatabase::sqlite(),
            Database::Postgres(_) => TestDatabase::postgres().await.unwrap(),
        };
        let opened = database.open(NAME).await;
        opened.migrate(&SCHEMA).await.unwrap();
        let clock = Arc::new(ManualClock::default());
        let stores = Stores::new(opened, clock.clone());
        let products = ProductService::new(&stores, clock.clone(), Currency::USD);
        let stock = StockService::new(stores.stock.clone(), clock.clone(), products.freshness().clone());
        Self {
            clock,
            products,
            stock,
            stores,
            _database: database,
        }
    }
}

#[async_trait]
impl Warehouse for Goods {
    fn stock(&self) -> Arc<dyn Stock> {
        Arc::new(self.stock.clone())
    }

    fn products(&self) -> Arc<dyn Products> {
        Arc::new(self.products.clone())
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(300)
    }

    async fn put(&self, cents: i64, pieces: i64) -> ProductId {
        let details = ProductUpdate {
            sku: Sku::try_from(self.clock.new_id().to_string()).unwrap(),
            name: "Something".to_owned(),
            description: String::new(),
            category: None,
            tags: Vec::new(),
            vendor: None,
            images: Vec::new(),
            family: None,
            options: Options::default(),
            price: Money::new(cents, Currency::USD).unwrap(),
            compare_at_price: None,
            published: true,
            barcode: None,
            weight_grams: None,
        };
        let stock = Some(pieces);
        self.products.create(NewProduct { details, stock }).await.unwrap().id
    }

    async fn shelf(&self, id: ProductId) -> Shelf {
        let select = "SELECT on_hand, reserved FROM stock WHERE product_id = $1";
        let id = id.as_uuid();
        let (on_hand, reserved) = match &self.stores.database {
            Database::Sqlite(database) => {
                let found = sqlx::query_as(select)
                    .bind(id)
                    .fetch_one(database.reader().pool())
                    .await;
                found.unwrap()
            }
            Database::Postgres(database) => {
                let found = sqlx::query_as(select)
                    .bind(id)
                    .fetch_one(database.reader().pool())
                    .await;
                found.unwrap()
            }
        };
        Shelf::counted(on_hand, reserved)
    }

    async fn expire(&self) {
        self.clock.advance(HELD_FOR);
        self.stock.sweep().await.unwrap();
    }
}
