//! The contract of the stock: on both engines, and as other processes reach it.

use std::sync::Arc;

use async_trait::async_trait;
use platform_clock::ManualClock;
use platform_rpc::Scheme;
use platform_sql::testing::TestDatabase;
use platform_testing::Served;
use product_api::testing::{Shelf, ShelfProduct, StockBackend};
use product_api::{Product, Stock, View};
use product_service::service::StockService;
use product_service::store::{StockChange, Stores};
use values::ProductId;

use super::past::shelf;
use crate::remote;
use crate::samples::{act, product, record};
use crate::store::open_with;

product_api::stock_contract_suite!(sqlite, Backend::on(TestDatabase::sqlite()).await);
product_api::stock_contract_suite!(
    postgres,
    match TestDatabase::postgres().await {
        Some(database) => Backend::on(database).await,
        None => return,
    }
);

product_api::stock_contract_suite!(http, Backend::on(TestDatabase::sqlite()).await.over(Scheme::Http).await);
product_api::stock_contract_suite!(grpc, Backend::on(TestDatabase::sqlite()).await.over(Scheme::Grpc).await);

/// The stock over a database, with what an admin does beside it.
struct Backend {
    stores: Stores,
    stock: StockService,
    /// What is under test: the stock itself, or the way to it.
    reached: Arc<dyn Stock>,
    clock: Arc<ManualClock>,
    _served: Option<Served>,
    _database: TestDatabase,
}

impl Backend {
    async fn on(database: TestDatabase) -> Self {
        let clock: Arc<ManualClock> = Arc::default();
        let stores = open_with(database.open("product").await, clock.clone()).await;
        let stock = StockService::new(stores.stock.clone(), clock.clone(), Arc::default());
        Self {
            stores,
            reached: Arc::new(stock.clone()),
            stock,
            clock,
            _served: None,
            _database: database,
        }
    }

    /// The same stock behind a listener, and a client in front of it.
    async fn over(self, scheme: Scheme) -> Self {
        let served = remote::serve(self.stores.database.clone(), self.clock.clone()).await;
        Self {
            reached: remote::connect(&served, scheme).stock,
            _served: Some(served),
            ..self
        }
    }
}

#[async_trait]
impl StockBackend for Backend {
    fn stock(&self) -> Arc<dyn Stock> {
        self.reached.clone()
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    async fn put(&self, shelved: &ShelfProduct) {
        let products = &self.stores.products;
        let wanted = Product {
            id: shelved.id,
            name: shelved.name.clone(),
            price: shelved.price,
            published: shelved.published,
            stock: None,
            ..product(shelved.sku.as_str(), "")
        };
        let is_there = products.find(shelved.id, View::Admin).await.unwrap().is_some();
        if is_there {
            products.update(record(&wanted), None, act()).await.unwrap();
        } else {
            products.create(record(&wanted), act(), None).await.unwrap();
        }
        if shelved.deleted {
            products.delete(shelved.id, None, act()).await.unwrap();
        }
    }

    async fn set_stock(&self, id: ProductId, stock: Option<i64>) {
        set_stock(&self.stores, id, stock).await;
    }

    async fn shelf(&self, id: ProductId) -> Shelf {
        let (counted, on_hand, reserved) = shelf(&self.stores.database, id).await;
        Shelf {
            counted,
            on_hand,
            reserved,
        }
    }

    async fn sweep(&self) {
        self.stock.sweep().await.unwrap();
    }

    async fn break_down(&self) {
        self.stores.database.close().await;
    }
}

/// As an admin sets it.
pub(super) async fn set_stock(stores: &Stores, id: ProductId, stock: Option<i64>) {
    let set = StockChange::Set(stock);
    let changed = stores.products.change_stock(id, set, "counted".to_owned(), act(), None);
    changed.await.unwrap();
}
