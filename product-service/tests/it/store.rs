//! The store suite: every method of every store, on both engines.

use std::sync::Arc;

use platform_clock::SystemClock;
use platform_sql::Database;
use product_api::View;
use product_service::store::Stores;

use crate::samples::{act, full_product, product, record};

async fn open(database: Database) -> Stores {
    let stores = Stores::new(database, Arc::new(SystemClock));
    stores.migrate().await.unwrap();
    stores
}

platform_sql::stores!("product", open, [a_product_reads_back_as_it_was_written]);

async fn a_product_reads_back_as_it_was_written(stores: Stores) {
    for wanted in [product("a", "Lamp"), full_product("b")] {
        let created = stores.products.create(record(&wanted), act()).await.unwrap();
        assert_eq!(created, wanted);
        let found = stores.products.find(wanted.id, View::Admin).await.unwrap();
        assert_eq!(found, Some(wanted));
    }
}
