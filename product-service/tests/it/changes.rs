//! The changes, as a projection follows them: on both engines.

use std::sync::Arc;
use std::time::Duration;

use platform_clock::{Clock, ManualClock};
use platform_sql::Database;
use product_api::{Change, Product, Products as _, SaleMode, StockLine, StockRequest};
use product_service::service::ProductService;
use product_service::store::stock::Step;
use product_service::store::{Act, Stores};
use values::{Currency, Quantity};

use crate::samples::{act, product, record};
use crate::store::open_with;

/// A catalogue that is followed.
struct Catalogue {
    clock: Arc<ManualClock>,
    stores: Stores,
    service: ProductService,
}

async fn open(database: Database) -> Catalogue {
    let clock: Arc<ManualClock> = Arc::default();
    let stores = open_with(database, clock.clone()).await;
    let service = ProductService::new(&stores, clock.clone(), Currency::USD);
    Catalogue { clock, stores, service }
}

platform_sql::stores!(
    "product",
    open,
    [
        a_sale_is_a_change,
        many_sales_come_in_pages_with_what_changed_otherwise,
        who_comes_back_after_days_begins_anew,
    ]
);

impl Catalogue {
    async fn with(&self, skus: impl Iterator<Item = String>) -> Vec<Product> {
        let mut created = Vec::new();
        for sku in skus {
            let now = self.clock.now();
            let product = Product {
                created_at: now,
                updated_at: now,
                ..product(&sku, "Lamp")
            };
            self.stores
                .products
                .create(record(&product), self.act(), None)
                .await
                .unwrap();
            created.push(product);
        }
        created
    }

    fn act(&self) -> Act {
        Act {
            at: self.clock.now(),
            ..act()
        }
    }

    async fn sell(&self, product: &Product) {
        let request = StockRequest {
            order_id: self.clock.new_id().into(),
            lines: vec![StockLine {
                product_id: product.id,
                quantity: Quantity::try_from(1).unwrap(),
            }],
        };
        let sale = Step::Sell(request, SaleMode::Always);
        self.stores.stock.step(sale, self.clock.now()).await.unwrap();
    }

    /// What comes after a cursor, and the cursor after it.
    async fn follow(&self, cursor: &mut Option<String>, limit: u32) -> Vec<Change> {
        let mut changes = Vec::new();
        for _ in 0..100 {
            let page = self.service.changes_since(cursor.as_deref(), limit).await.unwrap();
            assert!(page.items.len() <= limit as usize);
            changes.extend(page.items);
            *cursor = Some(page.cursor);
            if !page.more {
                return changes;
            }
        }
        panic!("there is always more");
    }

    /// Follows to the end, and lets so much time pass that nothing comes again.
    async fn settle(&self, cursor: &mut Option<String>) {
        self.follow(cursor, 100).await;
        self.clock.advance(Duration::from_mins(1));
        self.follow(cursor, 100).await;
        assert_eq!(self.follow(cursor, 100).await, []);
    }
}

async fn a_sale_is_a_change(catalogue: Catalogue) {
    let [_, sold] = &catalogue.with(["a", "b"].map(String::from).into_iter()).await[..] else {
        unreachable!()
    };
    let mut cursor = None;
    catalogue.settle(&mut cursor).await;
    catalogue.sell(sold).await;
    let changes = catalogue.follow(&mut cursor, 100).await;
    let told: Vec<_> = changes
        .iter()
        .map(|change| (change.product_id, change.available))
        .collect();
    assert_eq!(told, [(sold.id, sold.stock.map(|stock| stock - 1))]);
}

async fn many_sales_come_in_pages_with_what_changed_otherwise(catalogue: Catalogue) {
    let products = catalogue.with((0..7).map(|number| format!("lamp-{number}"))).await;
    let mut cursor = None;
    catalogue.settle(&mut cursor).await;
    for product in &products {
        catalogue.sell(product).await;
    }
    // As many as a page holds, all within the moments that come again.
    for product in &products[..3] {
        let mut record = record(product);
        record.product.updated_at = catalogue.clock.now();
        catalogue
            .stores
            .products
            .update(record, None, catalogue.act())
            .await
            .unwrap();
    }
    let changes = catalogue.follow(&mut cursor, 3).await;
    for product in &products {
        let last = changes
            .iter()
            .rev()
            .find(|change| change.product_id == product.id)
            .unwrap();
        assert_eq!(last.available, product.stock.map(|stock| stock - 1));
    }
}

async fn who_comes_back_after_days_begins_anew(catalogue: Catalogue) {
    catalogue.with(["a", "b"].map(String::from).into_iter()).await;
    let mut cursor = None;
    catalogue.settle(&mut cursor).await;
    catalogue.clock.advance(Duration::from_hours(8 * 24));
    assert_eq!(catalogue.follow(&mut cursor, 1).await.len(), 2);
}
