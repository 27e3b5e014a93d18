//! The binary, as an operator runs it.

mod commands;
mod kills;
mod postgres;
mod reconcile;
mod running;
mod settings;
mod shop;
mod stopping;

/// A test on both engines: an `async fn(TestDatabase)`.
macro_rules! on_both_engines {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(platform_sql::testing::TestDatabase::sqlite()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $test() {
                let Some(database) = platform_sql::testing::TestDatabase::postgres().await else { return };
                super::$test(database).await;
            })+
        }
    };
}
use on_both_engines;
