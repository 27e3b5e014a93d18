//! A catalogue of what lies on the fake's shelf.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use async_trait::async_trait;
use platform_clock::Clock;
use product_api::testing::{HELD_FOR, InMemoryStock, Shelf, ShelfProduct};
use product_api::{
    Change, ChangesPage, ListProducts, NewProduct, Options, Product, ProductPage, ProductUpdate, Products,
    ProductsError, Stock, View,
};
use values::{ProductId, Timestamp};

use super::warehouse::Warehouse;

/// Products over an [`InMemoryStock`]: what order-service asks of them, no more.
pub(crate) struct Catalogue {
    this: Weak<Self>,
    stock: InMemoryStock,
    products: Mutex<BTreeMap<ProductId, ShelfProduct>>,
    pub(crate) is_away: AtomicBool,
    pub(crate) reads: AtomicUsize,
}

impl Catalogue {
    pub(crate) fn new(stock: InMemoryStock) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            stock,
            products: Mutex::default(),
            is_away: AtomicBool::new(false),
            reads: AtomicUsize::new(0),
        })
    }

    /// A new product at a price in cents, with so many on the shelf.
    pub(crate) fn put(&self, cents: i64, stock: Option<i64>) -> ProductId {
        let product = ShelfProduct::priced(self.stock.clock().new_id().into(), cents);
        self.replace(&product, stock);
        product.id
    }

    pub(crate) fn replace(&self, product: &ShelfProduct, stock: Option<i64>) {
        self.stock.put_product(product, stock);
        self.products.lock().unwrap().insert(product.id, product.clone());
    }

    pub(crate) fn get(&self, id: ProductId) -> ShelfProduct {
        self.products.lock().unwrap()[&id].clone()
    }

    fn available(&self, id: ProductId) -> Option<i64> {
        let shelf = self.stock.shelf_of(id);
        shelf.counted.then_some(shelf.on_hand - shelf.reserved)
    }

    fn product(&self, product: &ShelfProduct) -> Product {
        Product {
            id: product.id,
            sku: product.sku.clone(),
            name: product.name.clone(),
            description: String::new(),
            category: None,
            tags: Vec::new(),
            vendor: None,
            images: Vec::new(),
            family: None,
            options: Options::default(),
            price: product.price,
            compare_at_price: None,
            stock: self.available(product.id),
            published: product.published,
            barcode: None,
            weight_grams: None,
            version: 1,
            created_at: Timestamp::from_micros(0),
            updated_at: Timestamp::from_micros(0),
        }
    }

    fn answer(&self) -> Result<(), ProductsError> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(ProductsError::Unavailable(None));
        }
        Ok(())
    }
}

#[async_trait]
impl Products for Catalogue {
    async fn get(&self, _: ProductId, _: View) -> Result<Product, ProductsError> {
        unimplemented!("orders do not ask for it")
    }

    async fn get_many(&self, ids: &[ProductId], _: View) -> Result<Vec<Product>, ProductsError> {
        self.answer()?;
        self.reads.fetch_add(1, Ordering::SeqCst);
        let products = self.products.lock().unwrap();
        let found = ids.iter().filter_map(|id| products.get(id));
        let for_sale = found.filter(|product| product.published && !product.deleted);
        Ok(for_sale.map(|product| self.product(product)).collect())
    }

    async fn list(&self, _: &ListProducts) -> Result<ProductPage, ProductsError> {
        unimplemented!("orders do not ask for it")
    }

    async fn create(&self, _: NewProduct) -> Result<Product, ProductsError> {
        unimplemented!("orders do not ask for it")
    }

    async fn update(&self, _: ProductId, _: ProductUpdate, _: Option<i64>) -> Result<Product, ProductsError> {
        unimplemented!("orders do not ask for it")
    }

    async fn delete(&self, _: ProductId, _: Option<i64>) -> Result<(), ProductsError> {
        unimplemented!("orders do not ask for it")
    }

    /// All products, every time.
    async fn changes_since(&self, _: Option<&str>, _: u32) -> Result<ChangesPage, ProductsError> {
        self.answer()?;
        let products = self.products.lock().unwrap();
        let items = products.values().map(|product| Change {
            product_id: product.id,
            sku: product.sku.clone(),
            name: product.name.clone(),
            price: product.price,
            available: self.available(product.id),
            for_sale: product.published && !product.deleted,
            version: 1,
            stock_seq: 1,
        });
        Ok(ChangesPage {
            items: items.collect(),
            cursor: "all".to_owned(),
            more: false,
        })
    }
}

#[async_trait]
impl Warehouse for Catalogue {
    fn stock(&self) -> Arc<dyn Stock> {
        Arc::new(self.stock.clone())
    }

    fn products(&self) -> Arc<dyn Products> {
        self.this.upgrade().unwrap()
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(40)
    }

    async fn put(&self, cents: i64, pieces: i64) -> ProductId {
        self.put(cents, Some(pieces))
    }

    async fn shelf(&self, id: ProductId) -> Shelf {
        self.stock.shelf_of(id)
    }

    async fn expire(&self) {
        self.stock.clock().advance(HELD_FOR);
        self.stock.sweep_now();
    }
}
