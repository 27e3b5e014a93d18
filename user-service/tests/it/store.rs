//! Every method of the store, on both engines.

use std::sync::Arc;
use std::time::Duration;

use platform_clock::{Clock, ManualClock};
use platform_sql::Database;
use user_api::AccountCopy;
use user_api::events::{USER_CREATED, USER_UPDATED, UserChanged};
use user_service::app::SCHEMA;
use user_service::store::{Cause, PgUserStore, Renamed, SqliteUserStore, StoreError, UserStore, Wanted};
use user_service::words::patterns;
use values::{Email, PersonName, UserId};

platform_sql::stores!(
    "user",
    open,
    [
        a_profile_is_made_once,
        the_highest_version_wins_and_the_name_stays,
        a_name_is_changed_by_its_owner,
        a_condition_on_the_version_is_kept,
        lists_are_newest_first_and_go_on_behind_a_row,
        users_are_found_by_the_beginnings_of_words,
        two_at_once_make_one_profile,
        events_tell_of_every_change_and_of_nothing_else,
        a_schema_that_is_too_old_is_told,
    ]
);

struct World {
    store: Arc<dyn UserStore>,
    database: Database,
    clock: Arc<ManualClock>,
}

async fn open(database: Database) -> World {
    let clock = Arc::new(ManualClock::default());
    database.migrate(&SCHEMA).await.unwrap();
    World {
        store: store(&database, &clock),
        database,
        clock,
    }
}

fn store(database: &Database, clock: &Arc<ManualClock>) -> Arc<dyn UserStore> {
    match database.clone() {
        Database::Sqlite(database) => Arc::new(SqliteUserStore::new(database, clock.clone())),
        Database::Postgres(database) => Arc::new(PgUserStore::new(database, clock.clone())),
    }
}

impl World {
    fn cause(&self) -> Cause {
        self.clock.advance(Duration::from_millis(1));
        Cause {
            at: self.clock.now(),
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        }
    }

    fn account(&self, name: &str, email: &str) -> AccountCopy {
        self.clock.advance(Duration::from_millis(1));
        AccountCopy {
            id: UserId::from(self.clock.new_id()),
            email: Email::try_from(email.to_owned()).unwrap(),
            name: name.to_owned(),
            roles: vec!["customer".to_owned()],
            account_version: 1,
            created_at: self.clock.now(),
        }
    }

    async fn add(&self, name: &str, email: &str) -> AccountCopy {
        let account = self.account(name, email);
        self.store.ensure(&account, &self.cause()).await.unwrap();
        account
    }

    async fn names(&self, query: &str) -> Vec<String> {
        let wanted = Wanted {
            patterns: patterns(query),
            after: None,
            limit: 100,
        };
        let found = self.store.list(&wanted).await.unwrap();
        assert_eq!(
            self.store.count(&wanted.patterns).await.unwrap(),
            found.len() as u64,
            "{query}"
        );
        found.into_iter().map(|row| row.user.name).collect()
    }
}

fn name(text: &str) -> PersonName {
    PersonName::try_from(text.to_owned()).unwrap()
}

async fn a_profile_is_made_once(world: World) {
    let account = world.account("Ada", "ada@example.org");
    assert_eq!(world.store.find(account.id).await.unwrap(), None);
    let made = world.store.ensure(&account, &world.cause()).await.unwrap();
    assert_eq!(made.user, account.as_user());
    assert_eq!((made.version, made.account_version), (1, 1));
    assert_eq!(world.store.ensure(&account, &world.cause()).await.unwrap(), made);
    assert_eq!(world.store.find(account.id).await.unwrap(), Some(made));
}

async fn the_highest_version_wins_and_the_name_stays(world: World) {
    let account = world.add("Ada", "lovelace@example.org").await;
    let promoted = AccountCopy {
        email: Email::try_from("countess@example.org".to_owned()).unwrap(),
        name: "Somebody".to_owned(),
        roles: vec!["admin".to_owned(), "customer".to_owned()],
        account_version: 3,
        ..account.clone()
    };
    let now = world.store.ensure(&promoted, &world.cause()).await.unwrap();
    assert_eq!(now.user.name, "Ada");
    assert_eq!(now.user.email.as_str(), "countess@example.org");
    assert_eq!(now.user.roles, promoted.roles);
    assert_eq!((now.version, now.account_version), (2, 3));
    assert_eq!(now.user.created_at, account.created_at);
    assert!(now.user.updated_at > account.created_at);

    let late = AccountCopy {
        account_version: 2,
        ..account
    };
    assert_eq!(world.store.ensure(&late, &world.cause()).await.unwrap(), now);
    assert_eq!(world.names("countess").await, ["Ada"]);
    assert!(world.names("lovelace").await.is_empty());
}

async fn a_name_is_changed_by_its_owner(world: World) {
    let account = world.add("Ada", "ada@example.org").await;
    let cause = world.cause();
    let renamed = world
        .store
        .rename(account.id, &name("Grace"), None, &cause)
        .await
        .unwrap();
    let Renamed::Done(row) = renamed else {
        panic!("{renamed:?}")
    };
    assert_eq!((row.user.name.as_str(), row.version), ("Grace", 2));
    assert_eq!(row.user.updated_at, cause.at);
    assert_eq!(world.store.find(account.id).await.unwrap(), Some(row));
    assert_eq!(world.names("grace").await, ["Grace"]);
    let nobody = UserId::from(world.clock.new_id());
    let absent = world.store.rename(nobody, &name("Grace"), None, &cause).await.unwrap();
    assert_eq!(absent, Renamed::Absent);
}

async fn a_condition_on_the_version_is_kept(world: World) {
    let account = world.add("Ada", "ada@example.org").await;
    let rename = async |to, version| {
        let cause = world.cause();
        world
            .store
            .rename(account.id, &name(to), version, &cause)
            .await
            .unwrap()
    };
    assert!(matches!(rename("Grace", Some(1)).await, Renamed::Done(_)));
    assert_eq!(rename("Alan", Some(1)).await, Renamed::Stale);
    assert_eq!(world.names("").await, ["Grace"]);
}

async fn lists_are_newest_first_and_go_on_behind_a_row(world: World) {
    for name in ["A", "B", "C"] {
        world.add(name, "x@example.org").await;
    }
    // Two of one moment are told apart by id.
    let twins = [world.account("D", "x@example.org"), world.account("E", "x@example.org")];
    for twin in &twins {
        let twin = AccountCopy {
            created_at: twins[0].created_at,
            ..twin.clone()
        };
        world.store.ensure(&twin, &world.cause()).await.unwrap();
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let wanted = Wanted {
            patterns: Vec::new(),
            after,
            limit: 2,
        };
        let page = world.store.list(&wanted).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.user.created_at, last.user.id));
        seen.extend(page.into_iter().map(|row| row.user.name));
    }
    assert_eq!(seen, ["E", "D", "C", "B", "A"]);
}

async fn users_are_found_by_the_beginnings_of_words(world: World) {
    world.add("Zo\u{eb} M\u{fc}ller", "zm@shop.example").await;
    world.add("Ada Lovelace", "ada@example.org").await;
    assert_eq!(world.names("zoe").await, ["Zo\u{eb} M\u{fc}ller"]);
    assert_eq!(world.names("MUL zo").await, ["Zo\u{eb} M\u{fc}ller"]);
    assert_eq!(world.names("ada@example.org").await, ["Ada Lovelace"]);
    assert!(world.names("lace").await.is_empty(), "not in the middle of a word");
    assert_eq!(world.names("%").await.len(), 2, "a query without a word asks for all");
}

async fn two_at_once_make_one_profile(world: World) {
    let account = world.account("Ada", "ada@example.org");
    let causes: Vec<Cause> = (0..8).map(|_| world.cause()).collect();
    let all = causes.iter().map(|cause| world.store.ensure(&account, cause));
    for row in futures::future::join_all(all).await {
        assert_eq!(row.unwrap().version, 1);
    }
    assert_eq!(world.names("").await.len(), 1);
}

async fn events_tell_of_every_change_and_of_nothing_else(world: World) {
    let account = world.add("Ada", "ada@example.org").await;
    world.store.ensure(&account, &world.cause()).await.unwrap();
    let cause = world.cause();
    world
        .store
        .rename(account.id, &name("Grace"), None, &cause)
        .await
        .unwrap();
    world
        .store
        .rename(account.id, &name("Alan"), Some(1), &cause)
        .await
        .unwrap();
    let newer = AccountCopy {
        account_version: 2,
        ..account.clone()
    };
    world.store.ensure(&newer, &world.cause()).await.unwrap();

    let pending = world.database.outbox().pending(10).await.unwrap();
    let kinds: Vec<&str> = pending.iter().map(|row| row.event.kind.as_str()).collect();
    assert_eq!(kinds, [USER_CREATED, USER_UPDATED, USER_UPDATED]);
    for row in &pending {
        assert_eq!(row.event.data::<UserChanged>().unwrap().user_id, account.id);
        assert_eq!(row.event.traceparent, cause.traceparent);
        assert!(!row.event.data_text().contains("ada"), "no personal data");
    }
}

async fn a_schema_that_is_too_old_is_told(world: World) {
    world.store.check().await.unwrap();
    let other = platform_sql::testing::TestDatabase::sqlite();
    let empty = other.open("user").await;
    let error = store(&empty, &world.clock).check().await.unwrap_err();
    assert!(matches!(error, StoreError::Outdated), "{error}");
}
