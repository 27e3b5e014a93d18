//! The contract, kept in this process, over HTTP and over gRPC; and those who may not call it.

use std::sync::Arc;

use platform_clock::{Clock, SystemClock};
use platform_rpc::{Outgoing, Scheme, Target};
use platform_sql::Database;
use platform_sql::testing::TestDatabase;
use platform_testing::{Served, free_address};
use user_api::{AccountCopy, Users, UsersError};
use user_service::app::{App, NAME};
use values::{Email, UserId};

struct World {
    users: Arc<dyn Users>,
    served: Served,
    store: Database,
    _database: TestDatabase,
}

/// None: in this process.
async fn world(scheme: Option<Scheme>) -> World {
    let database = TestDatabase::sqlite();
    let store = database.open(NAME).await;
    let app = App::build(store.clone(), "test", Arc::new(SystemClock));
    let app = app.await.unwrap();
    let served = Served::start(NAME, app.routes(), |guard| app.grpc(guard));
    let users = match scheme {
        None => app.users(),
        Some(scheme) => {
            let credential = Some(served.credential());
            user_client::connect(&served.target(scheme), &Outgoing::default(), credential).users
        }
    };
    World {
        users,
        served,
        store,
        _database: database,
    }
}

fn account() -> AccountCopy {
    AccountCopy {
        id: UserId::from(SystemClock.new_id()),
        email: Email::try_from("Ada@example.org".to_owned()).unwrap(),
        name: "Ada".to_owned(),
        roles: vec!["customer".to_owned()],
        account_version: 1,
        created_at: SystemClock.now(),
    }
}

async fn a_profile_is_made_once_and_follows_its_account(World { users, .. }: World) {
    let account = account();
    let made = users.ensure(&account).await.unwrap();
    assert_eq!(made, account.as_user());
    assert_eq!(users.ensure(&account).await.unwrap(), made);

    let later = AccountCopy {
        email: Email::try_from("ada@example.com".to_owned()).unwrap(),
        name: "Another".to_owned(),
        roles: vec!["admin".to_owned(), "customer".to_owned()],
        account_version: 2,
        ..account.clone()
    };
    let followed = users.ensure(&later).await.unwrap();
    assert_eq!((&followed.email, &followed.roles), (&later.email, &later.roles));
    assert_eq!(followed.name, "Ada", "the name is its owner's");
    let late = users.ensure(&account).await.unwrap();
    assert_eq!(late, followed, "an older version changes nothing");
}

macro_rules! in_every_place {
    ($($test:ident),+ $(,)?) => {
        mod local {
            $(#[tokio::test] async fn $test() { super::$test(super::world(None).await).await; })+
        }
        mod http {
            $(#[tokio::test] async fn $test() { super::$test(super::world(Some(super::Scheme::Http)).await).await; })+
        }
        mod grpc {
            $(#[tokio::test] async fn $test() { super::$test(super::world(Some(super::Scheme::Grpc)).await).await; })+
        }
    };
}
in_every_place!(a_profile_is_made_once_and_follows_its_account);

#[tokio::test]
async fn a_store_that_is_away_is_unavailable_and_nothing_is_told_of_it() {
    for (scheme, told) in [
        (Scheme::Http, "answered 503 (unavailable)"),
        (Scheme::Grpc, "answered 503 (unavailable): Not available now"),
    ] {
        let world = world(Some(scheme)).await;
        world.store.close().await;
        let UsersError::Unavailable(source) = world.users.ensure(&account()).await.unwrap_err();
        assert_eq!(source.unwrap().to_string(), told);
    }
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let nowhere: Target = format!("http://{}", free_address()).parse().unwrap();
    for scheme in [Scheme::Http, Scheme::Grpc] {
        let remote = user_client::connect(&nowhere.over(scheme), &Outgoing::default(), None);
        let error = remote.users.ensure(&account()).await.unwrap_err();
        assert!(matches!(error, UsersError::Unavailable(Some(_))), "{error:?}");
    }
}

#[tokio::test]
async fn only_a_service_token_for_users_opens_what_is_between_processes() {
    let world = world(None).await;
    assert_eq!(world.served.refuses_intruders(&[]).await, (1, 1));
}
