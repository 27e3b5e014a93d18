//! Batches answer as the fake does when it is asked one after another.

use std::sync::Arc;

use futures::future::join_all;
use platform_clock::{Clock, ManualClock};
use platform_sql::Database;
use product_api::testing::{HELD_FOR, InMemoryStock, ShelfProduct, StockBackend as _};
use product_api::{SaleMode, Stock, StockRequest};
use product_service::service::StockService;
use product_service::store::Stores;

use super::order;
use super::past::shelf;
use crate::samples::{create, product};
use crate::store::open_with;

platform_sql::stores!("product", open, [batches_answer_as_if_they_were_taken_one_by_one]);

struct Pair {
    clock: Arc<ManualClock>,
    stores: Stores,
    real: StockService,
    fake: InMemoryStock,
}

async fn open(database: Database) -> Pair {
    let clock: Arc<ManualClock> = Arc::default();
    let stores = open_with(database, clock.clone()).await;
    Pair {
        real: StockService::new(stores.stock.clone(), clock.clone(), Arc::default()),
        fake: InMemoryStock::new(clock.clone()),
        clock,
        stores,
    }
}

async fn ask(stock: &dyn Stock, request: &StockRequest, which: usize) -> String {
    let id = request.order_id;
    match which {
        0 | 1 => format!("{:?}", stock.reserve(request).await),
        2 | 3 => format!("{:?}", stock.sell(request, SaleMode::OnlyIfFree).await),
        4 | 5 => format!("{:?}", stock.sell(request, SaleMode::Always).await),
        6 | 7 => format!("{:?}", stock.confirm(id).await),
        8 => format!("{:?}", stock.release(id).await),
        _ => format!("{:?}", stock.return_goods(id).await),
    }
}

async fn batches_answer_as_if_they_were_taken_one_by_one(pair: Pair) {
    let below = |bound: usize| {
        let mut bytes = [0; 4];
        pair.clock.fill_random(&mut bytes);
        u32::from_le_bytes(bytes) as usize % bound
    };
    let mut products = Vec::new();
    for (at, stock) in [Some(4), Some(9), Some(30), None].into_iter().enumerate() {
        let cents = if at == 1 { 0 } else { 500 };
        let shelved = ShelfProduct::priced(pair.clock.new_id().into(), cents);
        pair.fake.put_product(&shelved, stock);
        let mut written = product(shelved.sku.as_str(), &shelved.name);
        (written.id, written.price, written.stock) = (shelved.id, shelved.price, stock);
        create(&pair.stores, &written).await;
        products.push(written);
    }
    for round in 0..40 {
        let orders: Vec<StockRequest> = (0..6)
            .map(|_| {
                let (one, two) = (below(4), below(4));
                let pieces = 1 + i64::try_from(below(3)).unwrap();
                let lines = [(&products[one], pieces), (&products[two], 1)];
                order(if one == two { &lines[..1] } else { &lines })
            })
            .collect();
        let calls: Vec<(StockRequest, usize)> = (0..24)
            .map(|_| {
                let mut request = orders[below(6)].clone();
                if below(16) == 0 {
                    request.lines.clone_from(&orders[below(6)].lines);
                }
                (request, below(10))
            })
            .collect();
        // On one thread all of them wait, in this order, before the worker looks.
        let real = join_all(calls.iter().map(|(request, which)| ask(&pair.real, request, *which))).await;
        for ((request, which), real) in calls.iter().zip(&real) {
            assert_eq!(*real, ask(&pair.fake, request, *which).await, "round {round}");
        }
        if round % 5 == 4 {
            pair.clock.advance(HELD_FOR);
            pair.real.sweep().await.unwrap();
            pair.fake.sweep().await;
        }
        for product in &products {
            let real = shelf(&pair.stores.database, product.id).await;
            let fake = pair.fake.shelf_of(product.id);
            assert_eq!(real, (fake.counted, fake.on_hand, fake.reserved), "round {round}");
            // Enough for the next round, so that not all is refused.
            let more = Some(i64::try_from(4 + below(20)).unwrap()).filter(|_| product.stock.is_some());
            pair.fake.set_stock(product.id, more).await;
            super::contract::set_stock(&pair.stores, product.id, more).await;
        }
    }
    assert_eq!(pair.real.faults().await.unwrap(), []);
    let all = pair.real.reservations(None, 1_000).await.unwrap();
    assert_eq!(all, pair.fake.reservations(None, 1_000).await.unwrap());
}
