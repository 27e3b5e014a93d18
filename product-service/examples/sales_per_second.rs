//! How many sales a second, and what one costs: `cargo run --release -p product-service --example sales_per_second`.
//! With `TEST_POSTGRES_URL` set, Postgres too (what the server itself uses is not counted).
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement prints, or has failed"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use platform_clock::{Clock, SystemClock};
use platform_sql::testing::TestDatabase;
use product_api::{NewProduct, ProductUpdate, ReservationState, SaleMode, Stock, StockLine, StockRequest};
use product_service::App;
use values::{Currency, Money, ProductId, Quantity, Sku};

const PRODUCTS: usize = 1_000;
const PLENTY: i64 = 1_000_000_000;
const LASTS: Duration = Duration::from_secs(4);

fn new_product(number: usize) -> NewProduct {
    let details = ProductUpdate {
        sku: Sku::try_from(format!("SKU-{number}")).unwrap(),
        name: format!("Product number {number}"),
        description: "What is told of a product fills a line or two.".repeat(10),
        category: None,
        tags: Vec::new(),
        vendor: None,
        images: Vec::new(),
        family: None,
        options: product_api::Options::default(),
        price: Money::new(1999, Currency::USD).unwrap(),
        compare_at_price: None,
        published: true,
        barcode: None,
        weight_grams: None,
    };
    NewProduct {
        details,
        stock: Some(PLENTY),
    }
}

/// Microseconds of processor time of this process so far.
fn used() -> u128 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = fields[11].parse::<u128>().unwrap() + fields[12].parse::<u128>().unwrap();
    ticks * 10_000
}

async fn sell(stock: Arc<dyn Stock>, products: Arc<[ProductId]>, caller: usize, until: Instant) -> u32 {
    let quantity = Quantity::try_from(1).unwrap();
    let mut done = 0;
    while Instant::now() < until {
        let product_id = products[(caller * 7_919 + done as usize * 104_729) % products.len()];
        let request = StockRequest {
            order_id: SystemClock.new_id().into(),
            lines: vec![StockLine { product_id, quantity }],
        };
        let sold = stock.sell(&request, SaleMode::Always).await.unwrap();
        assert_eq!(sold.state, ReservationState::Sold);
        done += 1;
    }
    done
}

#[tokio::main]
async fn main() {
    for database in [Some(TestDatabase::sqlite()), TestDatabase::postgres().await] {
        let Some(test) = &database else { continue };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let opened = test.open("product").await;
        let app = App::build(opened, "measured", Currency::USD, clock).await.unwrap();
        let mut products = Vec::new();
        for number in 0..PRODUCTS {
            products.push(app.products().create(new_product(number)).await.unwrap().id);
        }
        let all: Arc<[ProductId]> = products.into();
        let hot: Arc<[ProductId]> = Arc::from(&all[..1]);
        let name = test.config().to_string();
        let name = name.split(':').next().unwrap();
        for (products, what) in [(&all, "1,000 products"), (&hot, "one product")] {
            for callers in [1, 16, 64] {
                let (begun, used_before) = (Instant::now(), used());
                let sales =
                    (0..callers).map(|caller| tokio::spawn(sell(app.stock(), products.clone(), caller, begun + LASTS)));
                let done: u32 = join_all(sales).await.into_iter().map(Result::unwrap).sum();
                let (rate, cost) = (
                    f64::from(done) / begun.elapsed().as_secs_f64(),
                    (used() - used_before) / u128::from(done),
                );
                println!("{name}, {what}, {callers} callers: {rate:.0} sales/s, {cost} us of processor time each");
            }
        }
        assert_eq!(app.stock().faults().await.unwrap(), []);
    }
}
