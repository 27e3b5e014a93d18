//! Opening a database to look, beside the process that works on it.

use std::sync::Arc;

use platform_clock::SystemClock;
use platform_sql::testing::TestDatabase;
use platform_sql::{Database, OpenError};

use crate::shelf::{self, Goods, SCHEMA, ShelfError};

async fn look(database: &TestDatabase) -> Result<Database, OpenError> {
    Database::open_read_only(database.config(), &SCHEMA, Arc::new(SystemClock)).await
}

/// A database on either engine, if there is one to be had.
macro_rules! on_both {
    ($($test:ident),+) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::TestDatabase::sqlite()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $test() {
                let Some(database) = super::TestDatabase::postgres().await else { return };
                super::$test(database).await;
            })+
        }
    };
}

on_both!(
    who_looks_reads_beside_the_owner_and_cannot_write,
    who_looks_makes_nothing,
    who_looks_is_told_what_a_schema_lacks
);

async fn who_looks_reads_beside_the_owner_and_cannot_write(database: TestDatabase) {
    let shop = shelf::open(database.open("shelf").await).await;
    let tea = shop.with_goods("tea", 3).await;
    let looking = shelf::over(look(&database).await.unwrap());
    assert_eq!(looking.store.find(tea.id).await.unwrap().as_ref(), Some(&tea));
    let label = "coffee".to_owned();
    let refused = looking.store.put(Goods { label, ..tea.clone() }).await;
    assert!(matches!(refused, Err(ShelfError::Database(_))), "{refused:?}");

    // What the owner does meanwhile is seen, and it is not in the way of the owner's end.
    let milk = shop.with_goods("milk", 1).await;
    assert_eq!(looking.store.find(milk.id).await.unwrap(), Some(milk));
    shop.database.close().await;
    drop(shop);
    let later = shelf::over(look(&database).await.unwrap());
    assert_eq!(later.store.find(tea.id).await.unwrap(), Some(tea));
}

async fn who_looks_makes_nothing(database: TestDatabase) {
    let refused = look(&database).await.unwrap_err();
    let is_absent = matches!(refused, OpenError::Absent(_) | OpenError::NotProvisioned { .. });
    assert!(is_absent, "{refused}");
    assert!(look(&database).await.is_err());
}

async fn who_looks_is_told_what_a_schema_lacks(database: TestDatabase) {
    let _shop = database.open("shelf").await;
    let refused = look(&database).await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "schema shelf lacks 1000001_platform, 0001_create: run `migrate`"
    );
}
