//! Telling users, until they acknowledge it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use auth_service::password::Password;
use auth_service::service::Registration;
use platform_clock::Clock;
use user_api::{AccountCopy, User, Users, UsersError};
use values::PersonName;

use super::{PASSWORD, World, email, home, open};

platform_sql::stores!(
    "auth",
    open,
    [
        a_registration_tells_users_at_once,
        while_users_are_away_one_registers_and_the_job_tells_them_later,
        a_login_tells_users_what_they_do_not_know,
        who_signs_in_is_called_what_users_call_them,
        other_roles_are_told_by_the_job,
        users_that_do_not_answer_hold_nobody_up,
    ]
);

/// Users that take a question and never answer it.
struct Silent;

#[async_trait]
impl Users for Silent {
    async fn ensure(&self, _: &AccountCopy) -> Result<User, UsersError> {
        std::future::pending().await
    }
}

impl World {
    /// What the job does, when its time has come.
    async fn job(&self) -> bool {
        self.clock.advance(Duration::from_secs(3));
        self.service.tell_due().await.is_ok()
    }
}

async fn a_registration_tells_users_at_once(world: World) {
    let ada = world.register("ada@example.org").await.user;
    assert_eq!(world.users.find(ada.id), Some(ada));
    assert!(world.job().await);
    assert_eq!(world.users.calls(), 1, "what was acknowledged is not told again");
}

async fn while_users_are_away_one_registers_and_the_job_tells_them_later(world: World) {
    world.users.set_away(true);
    let ada = world.register("ada@example.org").await.user;
    assert_eq!((ada.name.as_str(), ada.email.as_str()), ("Ada", "ada@example.org"));
    assert!(!world.job().await);
    world.users.set_away(false);
    assert!(world.job().await);
    assert_eq!(world.users.find(ada.id), Some(ada));
    let calls = world.users.calls();
    assert!(world.job().await);
    assert_eq!(world.users.calls(), calls);
}

async fn a_login_tells_users_what_they_do_not_know(world: World) {
    world.users.set_away(true);
    let ada = world.register("ada@example.org").await.user;
    world.users.set_away(false);
    world.login("ada@example.org", PASSWORD, home()).await.unwrap();
    assert_eq!(world.users.find(ada.id), Some(ada));
    let calls = world.users.calls();
    assert!(world.job().await);
    assert_eq!(world.users.calls(), calls, "and they acknowledged it");
}

async fn who_signs_in_is_called_what_users_call_them(world: World) {
    let ada = world.register("ada@example.org").await.user;
    world.users.rename(ada.id, "Countess", world.clock.now());
    assert_eq!(
        world
            .login("ada@example.org", PASSWORD, home())
            .await
            .unwrap()
            .user
            .name,
        "Countess"
    );
}

async fn other_roles_are_told_by_the_job(world: World) {
    let ada = world.register("ada@example.org").await.user;
    world.service.grant_admin(&email("ada@example.org")).await.unwrap();
    assert!(world.job().await);
    assert_eq!(world.users.find(ada.id).unwrap().roles, ["admin", "customer"]);
}

async fn users_that_do_not_answer_hold_nobody_up(world: World) {
    let service = world.but(|parts| {
        parts.users = Arc::new(Silent);
        parts.timings.profile_wait = Duration::from_millis(20);
    });
    let registration = Registration {
        email: email("ada@example.org"),
        password: Password::presented(PASSWORD.to_owned()),
        name: PersonName::try_from("Ada".to_owned()).unwrap(),
    };
    let ada = service.register(&registration, home()).await.outcome.unwrap().user;
    assert_eq!(ada.name, "Ada");
    assert!(world.job().await, "somebody who answers is told later");
    assert_eq!(world.users.find(ada.id), Some(ada));
}
