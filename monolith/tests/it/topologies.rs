//! The stories of `deploy/acceptance`, told to the shop in every topology. What it says must be the same in all of them,
//! header by header and byte by byte.

pub(crate) mod cluster;
mod customers;

use std::collections::BTreeSet;

use acceptance::{Credentials, Transcript, tell_all};
use platform_sql::testing::TestDatabase;

pub(crate) use cluster::binary;
use customers::Customers;

use cluster::{ADMIN, ADMIN_PASSWORD, Cluster, Layout, Scheme, Service};

/// Tells them to a fresh shop.
async fn told(layout: &Layout) -> Option<Transcript> {
    let cluster = Cluster::open(layout).await?;
    let admin = Credentials {
        email: ADMIN.to_owned(),
        password: ADMIN_PASSWORD.to_owned(),
    };
    let shop = acceptance::Shop::open(&cluster.url(), &admin).await.unwrap();
    let told = tell_all(&shop).await;
    cluster.stop().await;
    Some(told.unwrap_or_else(|broken| {
        let broken: Vec<String> = broken.iter().map(ToString::to_string).collect();
        panic!("{layout}: promises were broken:\n{}", broken.join("\n"))
    }))
}

/// Tells them in each layout and compares each with the first.
async fn assert_that_all_say_the_same(layouts: &[Layout]) {
    let Some(expected) = told(&layouts[0]).await else {
        return;
    };
    assert!(!expected.is_empty());
    for layout in &layouts[1..] {
        let Some(said) = told(layout).await else { return };
        if let Some(difference) = expected.difference(&said) {
            panic!("{} and {layout}: {difference}", layouts[0]);
        }
    }
}

fn extracted(services: &[Service], scheme: Scheme) -> Layout {
    Layout::Extracted {
        services: services.iter().copied().collect(),
        scheme,
    }
}

#[tokio::test]
async fn one_process_and_five_say_the_same() {
    let mut layouts = vec![
        Layout::OneProcess(TestDatabase::sqlite()),
        Layout::Five(Scheme::Http, None),
        Layout::Five(Scheme::Grpc, None),
    ];
    if let Some(database) = TestDatabase::postgres().await {
        layouts.push(Layout::OneProcess(database));
    }
    if let Some(database) = TestDatabase::postgres().await {
        layouts.push(Layout::Five(Scheme::Http, Some(database)));
    }
    assert_that_all_say_the_same(&layouts).await;
}

#[tokio::test]
async fn each_service_can_be_taken_out_of_the_one_process() {
    let mut layouts = vec![Layout::OneProcess(TestDatabase::sqlite())];
    let schemes = [Scheme::Http, Scheme::Grpc].into_iter().cycle();
    layouts.extend(
        Service::ALL
            .into_iter()
            .zip(schemes)
            .map(|(service, scheme)| extracted(&[service], scheme)),
    );
    assert_that_all_say_the_same(&layouts).await;
}

#[tokio::test]
async fn five_processes_sell_on_without_auth_and_without_a_broker() {
    for scheme in [Scheme::Http, Scheme::Grpc] {
        let Some(mut cluster) = Cluster::open(&Layout::Five(scheme, None)).await else {
            return;
        };
        let shop = Customers::of(&cluster.url());
        let admin = shop.token("login", ADMIN, ADMIN_PASSWORD).await;
        let ada = shop.token("register", "ada@shop.example", "a password for ada").await;
        let product = shop.product(&admin).await;
        assert_eq!(shop.order(&ada, "before", &product).await, 201);
        // Keys and service tokens are known everywhere by now; whoever is signed in buys on.
        cluster.kill(Service::Auth).await;
        cluster.kill_nats().await;
        for key in ["after", "once-more"] {
            assert_eq!(shop.order(&ada, key, &product).await, 201, "{scheme:?}");
        }
        assert_eq!(shop.order(&ada, "after", &product).await, 201, "a replay");
        assert_eq!(shop.orders(&ada).await, 3);
        cluster.stop().await;
    }
}

/// Long: `make test-topologies` runs it.
#[tokio::test]
#[ignore = "fourteen topologies take minutes; make test-topologies runs them"]
async fn any_services_can_be_taken_out_of_the_one_process() {
    let mut layouts = vec![Layout::OneProcess(TestDatabase::sqlite())];
    for chosen in 1_u32..15 {
        let is_chosen = |at: usize| chosen & (1 << at) != 0;
        let services: BTreeSet<Service> = Service::ALL
            .into_iter()
            .enumerate()
            .filter(|(at, _)| is_chosen(*at))
            .map(|(_, service)| service)
            .collect();
        let scheme = if chosen.count_ones() % 2 == 0 {
            Scheme::Http
        } else {
            Scheme::Grpc
        };
        layouts.push(Layout::Extracted { services, scheme });
    }
    assert_eq!(layouts.len(), 15);
    assert_that_all_say_the_same(&layouts).await;
}
