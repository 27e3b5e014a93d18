//! The contract of the catalogue: on both engines, and as other processes reach it.

use std::sync::Arc;

use async_trait::async_trait;
use platform_clock::{Clock, SystemClock};
use platform_rpc::Scheme;
use platform_sql::Database;
use platform_sql::testing::TestDatabase;
use platform_testing::Served;
use product_api::Products;
use product_api::testing::catalogue::ProductsBackend;
use product_service::store::{StockChange, Stores};
use product_service::{App, NAME};
use values::{Currency, ProductId};

use crate::remote;
use crate::samples::act;

product_api::products_contract_suite!(sqlite, Backend::on(TestDatabase::sqlite()).await);
product_api::products_contract_suite!(
    postgres,
    match TestDatabase::postgres().await {
        Some(database) => Backend::on(database).await,
        None => return,
    }
);
product_api::products_contract_suite!(http, Backend::on(TestDatabase::sqlite()).await.over(Scheme::Http).await);
product_api::products_contract_suite!(grpc, Backend::on(TestDatabase::sqlite()).await.over(Scheme::Grpc).await);

/// The catalogue over a database.
struct Backend {
    /// What is under test: the catalogue itself, or the way to it.
    products: Arc<dyn Products>,
    database: Database,
    clock: Arc<dyn Clock>,
    _served: Option<Served>,
    _files: TestDatabase,
}

impl Backend {
    async fn on(files: TestDatabase) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let database = files.open(NAME).await;
        let app = App::build(database.clone(), "test", Currency::USD, clock.clone()).await;
        Self {
            products: app.unwrap().products(),
            database,
            clock,
            _served: None,
            _files: files,
        }
    }

    /// The same catalogue behind a listener, and a client in front of it.
    async fn over(self, scheme: Scheme) -> Self {
        let served = remote::serve(self.database.clone(), self.clock.clone()).await;
        Self {
            products: remote::connect(&served, scheme).products,
            _served: Some(served),
            ..self
        }
    }
}

#[async_trait]
impl ProductsBackend for Backend {
    fn products(&self) -> Arc<dyn Products> {
        self.products.clone()
    }

    async fn set_stock(&self, id: ProductId, stock: Option<i64>) {
        let stores = Stores::new(self.database.clone(), self.clock.clone());
        let set = StockChange::Set(stock);
        let changed = stores.products.change_stock(id, set, "test".to_owned(), act(), None);
        changed.await.unwrap();
    }

    async fn break_down(&self) {
        self.database.close().await;
    }
}
