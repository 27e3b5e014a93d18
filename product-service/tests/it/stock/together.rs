//! Sales that are asked for at the same moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use futures::future::join_all;
use platform_clock::SystemClock;
use platform_rpc::{Outgoing, Scheme};
use platform_runtime::context::RequestContext;
use platform_sql::testing::TestDatabase;
use product_api::calls::{Sale, Sales, Sell, SellMany};
use product_api::{Reservation, ReservationState, SaleMode, Stock, StockError, StockRequest};
use product_service::NAME;
use tokio::time::Instant;

use super::past::shelf;
use super::{order, shelved};
use crate::remote;
use crate::store::open;

#[tokio::test]
async fn over_http() {
    those_at_the_same_moment_are_answered_each_by_itself(Scheme::Http).await;
    the_largest_orders_fit_into_one_call(Scheme::Http).await;
}

#[tokio::test]
async fn over_grpc() {
    those_at_the_same_moment_are_answered_each_by_itself(Scheme::Grpc).await;
    the_largest_orders_fit_into_one_call(Scheme::Grpc).await;
}

async fn sell_at_once(stock: &dyn Stock, orders: &[StockRequest]) -> Vec<Result<Reservation, StockError>> {
    join_all(orders.iter().map(|order| stock.sell(order, SaleMode::Always))).await
}

async fn those_at_the_same_moment_are_answered_each_by_itself(scheme: Scheme) {
    let database = TestDatabase::sqlite();
    let stores = open(database.open(NAME).await).await;
    let (scarce, plenty) = (shelved(&stores, 2).await, shelved(&stores, 100).await);
    let served = remote::serve(stores.database.clone(), Arc::new(SystemClock)).await;
    let stock = remote::connect(&served, scheme).stock;

    let mut orders: Vec<StockRequest> = (0..100)
        .map(|n| order(&[(if n < 10 { &scarce } else { &plenty }, 1)]))
        .collect();
    // One order id for other goods.
    orders.push(StockRequest::new(orders[50].order_id, order(&[(&plenty, 2)]).lines).unwrap());
    let sold = sell_at_once(&*stock, &orders).await;
    let in_state = |wanted| {
        let states = sold.iter().flatten().map(|reservation| reservation.state);
        states.filter(|state| *state == wanted).count()
    };
    assert_eq!(
        (in_state(ReservationState::Sold), in_state(ReservationState::Rejected)),
        (92, 8)
    );
    for (order, answer) in orders.iter().zip(&sold).filter(|(_, answer)| answer.is_ok()) {
        assert_eq!(answer.as_ref().unwrap().order_id, order.order_id);
    }
    assert_eq!(
        sold.iter()
            .filter(|answer| matches!(answer, Err(StockError::OtherRequest)))
            .count(),
        1
    );
    assert_eq!(shelf(&stores.database, scarce.id).await, (true, 0, 0));

    // Again, as those do who heard nothing: the same answers, and nothing moves.
    let again = sell_at_once(&*stock, &orders[..100]).await;
    for (first, second) in sold.iter().zip(&again) {
        if let Ok(first) = first {
            assert_eq!(first, second.as_ref().unwrap());
        }
    }
    assert_eq!(stores.stock.faults().await.unwrap(), []);
}

async fn the_largest_orders_fit_into_one_call(scheme: Scheme) {
    let database = TestDatabase::sqlite();
    let stores = open(database.open(NAME).await).await;
    let mut products = Vec::new();
    for _ in 0..StockRequest::MAX_LINES {
        products.push(shelved(&stores, None).await);
    }
    let served = remote::serve(stores.database.clone(), Arc::new(SystemClock)).await;
    let stock = remote::connect(&served, scheme).stock;
    let lines: Vec<_> = products.iter().map(|product| (product, 99)).collect();
    let orders: Vec<_> = (0..=SellMany::MAX_ORDERS).map(|_| order(&lines)).collect();
    for answer in sell_at_once(&*stock, &orders).await {
        assert_eq!(answer.unwrap().lines.len(), StockRequest::MAX_LINES);
    }
}

#[derive(Default)]
struct Calls {
    one: AtomicUsize,
    many: AtomicUsize,
}

impl Calls {
    fn take(&self) -> (usize, usize) {
        (
            self.one.swap(0, Ordering::Relaxed),
            self.many.swap(0, Ordering::Relaxed),
        )
    }
}

fn sold(sell: &Sell) -> Reservation {
    Reservation {
        order_id: sell.request.order_id,
        state: ReservationState::Sold,
        lines: Vec::new(),
        refusal: None,
    }
}

/// A service that says that all is sold, and counts how often it is asked; without a time it does not know how to sell many.
#[expect(clippy::disallowed_methods, reason = "it stands for a service of another release")]
async fn counting(sells_many_in: Option<Duration>) -> (Arc<Calls>, Arc<dyn Stock>) {
    let calls = Arc::<Calls>::default();
    let one = calls.clone();
    let one = post(move |Json(sell): Json<Sell>| async move {
        one.one.fetch_add(1, Ordering::Relaxed);
        Json(sold(&sell))
    });
    let mut routes = Router::new().route("/internal/stock/sell", one);
    if let Some(takes) = sells_many_in {
        let many = calls.clone();
        let many = post(move |Json(call): Json<SellMany>| async move {
            many.many.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(takes).await;
            let sales = call.orders.iter().map(|sell| Sale::Reservation(sold(sell))).collect();
            Json(Sales { sales })
        });
        routes = routes.route("/internal/stock/sell-many", many);
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let stock = product_client::connect(&target, &Outgoing::default(), None).stock;
    (calls, stock)
}

#[tokio::test]
async fn what_gathers_behind_a_sale_is_one_call() {
    let (calls, stock) = counting(Some(Duration::ZERO)).await;
    let orders: Vec<_> = (0..65)
        .map(|_| order(&[(&crate::samples::product("a", "A"), 1)]))
        .collect();
    let sold = sell_at_once(&*stock, &orders).await;
    assert!(sold.iter().all(Result::is_ok), "{sold:?}");
    assert_eq!(calls.take(), (1, 1));
}

#[tokio::test]
async fn the_hurry_of_one_is_not_that_of_the_others() {
    let (calls, stock) = counting(Some(Duration::from_millis(300))).await;
    let orders = [(); 3].map(|()| order(&[(&crate::samples::product("a", "A"), 1)]));
    let sell = |order| stock.sell(order, SaleMode::Always);
    let mut hurried = RequestContext::detached();
    hurried.narrow_deadline(Instant::now() + Duration::from_millis(150));
    let (_, _, other) = tokio::join!(sell(&orders[0]), hurried.scope(sell(&orders[1])), sell(&orders[2]));
    assert!(other.is_ok(), "{other:?}");
    assert_eq!(calls.take(), (1, 1));
}

#[tokio::test]
async fn a_service_of_the_release_before_is_asked_for_each() {
    let (calls, stock) = counting(None).await;
    let orders: Vec<_> = (0..20)
        .map(|_| order(&[(&crate::samples::product("a", "A"), 1)]))
        .collect();
    for _ in 0..2 {
        let sold = sell_at_once(&*stock, &orders).await;
        assert!(sold.iter().all(Result::is_ok), "{sold:?}");
        assert_eq!(calls.take(), (20, 0));
    }
}
