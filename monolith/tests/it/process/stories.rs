//! The stories of `deploy/acceptance`, told to the shop in every topology. What it says must be the same in all of them.

use acceptance::{Credentials, Transcript, tell_all};
use platform_sql::testing::TestDatabase;

use super::shop::{ADMIN, ADMIN_PASSWORD, Shop};

/// Tells them to a fresh shop in one process.
async fn told_to_one_process(database: &TestDatabase) -> Transcript {
    let shop = Shop::open(database).await;
    let admin = Credentials {
        email: ADMIN.to_owned(),
        password: ADMIN_PASSWORD.to_owned(),
    };
    let visited = acceptance::Shop::open(&shop.process.url(""), &admin).await.unwrap();
    let told = tell_all(&visited).await;
    shop.stop().await;
    told.unwrap_or_else(|broken| {
        let broken: Vec<String> = broken.iter().map(ToString::to_string).collect();
        panic!("promises were broken:\n{}", broken.join("\n"))
    })
}

#[tokio::test]
async fn one_process_keeps_its_promises_and_says_the_same_on_both_engines() {
    let on_sqlite = told_to_one_process(&TestDatabase::sqlite()).await;
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    let on_postgres = told_to_one_process(&database).await;
    if let Some(difference) = on_sqlite.difference(&on_postgres) {
        panic!("SQLite and Postgres: {difference}");
    }
}
