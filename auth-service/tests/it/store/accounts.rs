//! Accounts: made once, found, given roles, told to users.

use auth_api::events::{ACCOUNT_REGISTERED, AccountRegistered, SESSION_REVOKED};
use auth_service::store::{Account, RoleChange, StoreError};
use futures::future::join_all;
use platform_clock::Clock;
use platform_identity::{Role, Roles};
use values::{Email, UserId};

use super::{ELSEWHERE, HOME, World, hash, open};

platform_sql::stores!(
    "auth",
    open,
    [
        an_account_is_made_with_its_first_session,
        an_address_is_taken_whatever_its_case,
        of_twins_that_register_one_is_made,
        nobody_is_found_where_nobody_is,
        a_role_is_granted_once_and_users_are_due_to_be_told,
        with_a_role_taken_the_sessions_end,
        roles_that_change_at_once_all_change,
        somebody_runs_the_shop_or_nobody,
        users_are_told_of_what_they_have_not_acknowledged,
        an_old_acknowledgement_does_not_hide_a_newer_change,
    ]
);

impl World {
    async fn change_admin(&self, email: &str, grant: bool) -> Option<Account> {
        let change = RoleChange {
            email: Email::try_from(email.to_owned()).unwrap(),
            role: Role::Admin,
            grant,
        };
        self.store.change_role(&change, &self.cause()).await.unwrap()
    }

    async fn due(&self) -> Vec<UserId> {
        let now = self.cause().at;
        let due = self.store.due_profiles(now, 100).await.unwrap();
        due.into_iter().map(|account| account.id).collect()
    }
}

async fn an_account_is_made_with_its_first_session(world: World) {
    let new = world.account("Ada@Example.org");
    let session = world.session(new.id, HOME);
    let cause = world.cause();
    let made = world.store.register(&new, Some(&session), &cause).await.unwrap();
    let expected = Account {
        id: new.id,
        email: new.email.clone(),
        name: new.name.clone(),
        roles: new.roles,
        version: 1,
        profile_due: Some(cause.at),
        created_at: cause.at,
        updated_at: cause.at,
    };
    assert_eq!(made, expected);
    assert_eq!(made.email.as_str(), "Ada@Example.org");

    let by_id = world.store.find(new.id).await.unwrap().unwrap();
    assert_eq!((&by_id.account, &by_id.hash), (&made, &new.hash));
    let by_email = world.store.find_by_email(&new.email, &HOME).await.unwrap().unwrap();
    assert_eq!((by_email.account, by_email.network_known), (made.clone(), true));
    assert!(!world.knows(&made, ELSEWHERE).await);
    assert!(world.is_live(session.id).await);

    let [event] = world.events().await.try_into().unwrap();
    assert_eq!((event.kind.as_str(), event.time), (ACCOUNT_REGISTERED, cause.at));
    assert_eq!(event.data::<AccountRegistered>().unwrap().user_id, new.id);
    assert_eq!(event.traceparent, cause.traceparent);
    assert!(!event.data_text().to_lowercase().contains("ada"), "no personal data");
}

async fn an_address_is_taken_whatever_its_case(world: World) {
    world.register("ada@example.org").await;
    let twin = world.account("ADA@Example.ORG");
    let session = world.session(twin.id, HOME);
    let refused = world.store.register(&twin, Some(&session), &world.cause()).await;
    assert!(matches!(refused, Err(StoreError::EmailTaken)), "{refused:?}");
    assert_eq!(world.store.find(twin.id).await.unwrap(), None);
    assert!(!world.is_live(session.id).await);
    assert_eq!(world.events().await.len(), 1);
}

async fn of_twins_that_register_one_is_made(world: World) {
    let twins: Vec<_> = (0..8).map(|_| world.account("ada@example.org")).collect();
    let cause = world.cause();
    let all = join_all(twins.iter().map(|twin| world.store.register(twin, None, &cause))).await;
    let (made, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    for refusal in refused {
        assert!(matches!(refusal, Err(StoreError::EmailTaken)), "{refusal:?}");
    }
    assert_eq!(world.events().await.len(), 1);
}

async fn nobody_is_found_where_nobody_is(world: World) {
    let nobody = world.account("nobody@example.org");
    assert_eq!(world.store.find(nobody.id).await.unwrap(), None);
    assert_eq!(world.store.find_by_email(&nobody.email, &HOME).await.unwrap(), None);
    assert_eq!(world.change_admin("nobody@example.org", true).await, None);
}

async fn a_role_is_granted_once_and_users_are_due_to_be_told(world: World) {
    let ada = world.register("ada@example.org").await;
    world.store.acknowledge_profile(ada.id, 1).await.unwrap();
    let session = world.open_session(ada.id).await;

    let granted = world.change_admin("Ada@example.org", true).await.unwrap();
    assert_eq!(granted.roles, Roles::default().with(Role::Customer).with(Role::Admin));
    assert_eq!((granted.version, granted.profile_due), (2, Some(granted.updated_at)));
    assert!(granted.updated_at > ada.updated_at);
    assert_eq!(world.store.find(ada.id).await.unwrap().unwrap().account, granted);
    assert_eq!(world.change_admin("ada@example.org", true).await.unwrap(), granted);
    assert!(world.is_live(session).await, "a role more ends nothing");
}

async fn with_a_role_taken_the_sessions_end(world: World) {
    let ada = world.register("ada@example.org").await;
    world.change_admin("ada@example.org", true).await;
    let session = world.open_session(ada.id).await;
    let taken = world.change_admin("ada@example.org", false).await.unwrap();
    assert_eq!((taken.roles, taken.version), (ada.roles, 3));
    assert!(!world.is_live(session).await);
    let told = world.told().await;
    assert_eq!(told[1..], [(SESSION_REVOKED.to_owned(), session.to_string())]);

    assert_eq!(world.change_admin("ada@example.org", false).await.unwrap(), taken);
    assert_eq!(world.told().await.len(), 2, "what changes nothing is not told");
}

async fn roles_that_change_at_once_all_change(world: World) {
    let ada = world.register("ada@example.org").await;
    let changes = (0..8).map(|number| world.change_admin("ada@example.org", number % 2 == 0));
    join_all(changes).await;
    let now = world.change_admin("ada@example.org", true).await.unwrap();
    assert!(now.roles.has(Role::Admin));
    assert!((2..=10).contains(&now.version), "{}", now.version);
    assert_eq!(world.store.find(ada.id).await.unwrap().unwrap().account, now);
}

async fn somebody_runs_the_shop_or_nobody(world: World) {
    assert!(!world.store.has_admin().await.unwrap());
    world.register("ada@example.org").await;
    assert!(!world.store.has_admin().await.unwrap());
    world.change_admin("ada@example.org", true).await;
    assert!(world.store.has_admin().await.unwrap());
    world.change_admin("ada@example.org", false).await;
    assert!(!world.store.has_admin().await.unwrap());
}

async fn users_are_told_of_what_they_have_not_acknowledged(world: World) {
    let mut accounts = Vec::new();
    for name in ["ada", "grace", "alan"] {
        accounts.push(world.register(&format!("{name}@example.org")).await.id);
    }
    assert_eq!(world.due().await, accounts, "the longest waiting first");
    let first = world.store.due_profiles(world.cause().at, 1).await.unwrap();
    assert_eq!(first[0].id, accounts[0]);
    assert_eq!(first.len(), 1);
    let before_all = world.store.find(accounts[0]).await.unwrap().unwrap().account.created_at;
    assert!(world.store.due_profiles(before_all, 100).await.unwrap().is_empty());

    world.store.acknowledge_profile(accounts[1], 1).await.unwrap();
    assert_eq!(world.due().await, [accounts[0], accounts[2]]);
    let acknowledged = world.store.find(accounts[1]).await.unwrap().unwrap().account;
    assert_eq!(acknowledged.profile_due, None);
    world
        .store
        .acknowledge_profile(UserId::from(world.clock.new_id()), 1)
        .await
        .unwrap();
}

async fn an_old_acknowledgement_does_not_hide_a_newer_change(world: World) {
    let ada = world.register("ada@example.org").await;
    world.change_admin("ada@example.org", true).await;
    world.store.acknowledge_profile(ada.id, 1).await.unwrap();
    assert_eq!(world.due().await, [ada.id]);
    world.store.acknowledge_profile(ada.id, 2).await.unwrap();
    assert!(world.due().await.is_empty());
    let found = world.store.find(ada.id).await.unwrap().unwrap();
    assert_eq!(found.hash, hash("first"));
}
