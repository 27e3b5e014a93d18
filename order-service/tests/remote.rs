//! The contract, kept in this process, over HTTP and over gRPC; and those who may not call it.

use std::sync::Arc;

use order_api::{Orders, OrdersError};
use order_service::app::{App, NAME, Neighbours};
use order_service::payment::Providers;
use platform_clock::{Clock, SystemClock};
use platform_rpc::{Outgoing, Scheme, Target};
use platform_sql::testing::TestDatabase;
use platform_testing::{Served, free_address};
use product_api::testing::InMemoryStock;
use values::OrderId;

use crate::support::catalogue::Catalogue;
use crate::support::shop::{Shop, quick};

/// The books of a shop in which something happened, in this process and as others reach them.
struct World {
    local: Arc<dyn Orders>,
    remote: Vec<Arc<dyn Orders>>,
    served: Served,
    shop: Shop,
    _database: TestDatabase,
}

async fn world() -> World {
    let database = TestDatabase::sqlite();
    let opened = database.open(NAME).await;
    let shop = Shop::open(opened.clone()).await;
    let (tea, ada) = (shop.catalogue.put(450, Some(2)), shop.customer());
    for key in ["bought", "short"] {
        shop.order(&ada, key, &[(tea, 2)]).await;
    }
    let stock = InMemoryStock::default();
    let neighbours = Neighbours {
        products: Catalogue::new(stock.clone()),
        stock: Arc::new(stock),
        providers: Providers::none(),
    };
    let app = App::over(opened, neighbours, Arc::new(SystemClock), quick());
    let served = Served::start(NAME, app.routes(), |guard| app.grpc(guard));
    let connect = |scheme| {
        let credential = Some(served.credential());
        order_client::connect(&served.target(scheme), &Outgoing::default(), credential).orders
    };
    World {
        local: app.orders(),
        remote: [Scheme::Http, Scheme::Grpc].map(connect).into(),
        served,
        shop,
        _database: database,
    }
}

#[tokio::test]
async fn the_books_read_the_same_from_everywhere() {
    let world = world().await;
    let all = world.local.list(None, 10).await.unwrap();
    let states: Vec<&str> = all.items.iter().map(|record| record.state.name()).collect();
    assert_eq!((states, all.more), (vec!["paid", "rejected"], false));
    let (first, second) = (&all.items[0], &all.items[1]);
    for remote in &world.remote {
        let read = remote.list(None, 10).await.unwrap();
        assert_eq!((&read.items, read.more), (&all.items, false));
        let page = remote.list(None, 1).await.unwrap();
        assert_eq!((&page.items[..], page.more), (&all.items[..1], true));
        let rest = remote.list(Some(first.id), 1).await.unwrap();
        assert_eq!((&rest.items[..], rest.more), (&all.items[1..], false));

        let unknown = OrderId::from(SystemClock.new_id());
        let found = remote.get_many(&[second.id, unknown]).await.unwrap();
        assert_eq!(found, std::slice::from_ref(second));
    }
}

#[tokio::test]
async fn too_many_at_once_are_no_answer() {
    let world = world().await;
    let ids: Vec<OrderId> = (0..101).map(|_| OrderId::from(SystemClock.new_id())).collect();
    for remote in &world.remote {
        let error = remote.get_many(&ids).await.unwrap_err();
        assert!(matches!(error, OrdersError::Unavailable(Some(_))), "{error:?}");
        assert_eq!(remote.get_many(&ids[..100]).await.unwrap(), []);
    }
}

#[tokio::test]
async fn books_that_are_away_are_unavailable_and_nothing_is_told_of_them() {
    let world = world().await;
    world.shop.database.close().await;
    let told = [
        "answered 503 (unavailable)",
        "answered 503 (unavailable): Not available now",
    ];
    for (remote, told) in world.remote.iter().zip(told) {
        let OrdersError::Unavailable(source) = remote.list(None, 1).await.unwrap_err();
        assert_eq!(source.unwrap().to_string(), told);
    }
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let nowhere: Target = format!("http://{}", free_address()).parse().unwrap();
    for scheme in [Scheme::Http, Scheme::Grpc] {
        let remote = order_client::connect(&nowhere.over(scheme), &Outgoing::default(), None);
        let error = remote.orders.list(None, 1).await.unwrap_err();
        assert!(matches!(error, OrdersError::Unavailable(Some(_))), "{error:?}");
    }
}

#[tokio::test]
async fn only_a_service_token_for_orders_opens_what_is_between_processes() {
    assert_eq!(world().await.served.refuses_intruders(&[]).await, (2, 2));
}
