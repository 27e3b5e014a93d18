//! How often somebody may try, without locking the owner out.

use std::time::Duration;

use auth_service::password::Password;
use auth_service::service::AuthError;

use super::{OTHER_PASSWORD, PASSWORD, World, elsewhere, email, home, network, open};

platform_sql::stores!(
    "auth",
    open,
    [
        five_wrong_guesses_a_minute_and_the_owner_at_home_gets_in_all_the_same,
        guesses_from_many_networks_count_together,
        an_address_without_an_account_is_limited_as_one_with_an_account,
        who_knows_the_password_is_not_counted,
        a_network_may_try_thirty_times_a_minute_whatever_the_account,
        a_guesser_at_home_does_not_use_up_the_count_of_elsewhere,
        after_another_password_the_networks_of_before_are_strange,
        without_limits_nothing_is_counted,
    ]
);

impl World {
    /// Guesses wrong until it is told to wait; how often it guessed, and how long it has to wait.
    async fn guess_until_throttled(&self, address: &str, from: &str) -> (u32, Duration) {
        for guesses in 0..100 {
            match self.login(address, OTHER_PASSWORD, network(from)).await {
                Err(AuthError::InvalidCredentials) => {}
                Err(AuthError::Throttled(refused)) => return (guesses, refused.retry_after),
                other => panic!("{other:?}"),
            }
        }
        panic!("nobody said stop");
    }
}

async fn five_wrong_guesses_a_minute_and_the_owner_at_home_gets_in_all_the_same(world: World) {
    let owner = world.register("ada@example.org").await;
    let (guesses, wait) = world.guess_until_throttled("ada@example.org", "198.51.100.1").await;
    assert_eq!((guesses, wait), (5, Duration::from_secs(12)));
    let guessed_at_last = world.login("ada@example.org", PASSWORD, elsewhere()).await;
    assert!(
        matches!(guessed_at_last, Err(AuthError::Throttled(_))),
        "{guessed_at_last:?}"
    );

    assert!(world.login("ada@example.org", PASSWORD, home()).await.is_ok());
    assert!(
        world.refresh(&owner.grant.refresh_token).await.is_ok(),
        "an open session goes on"
    );
    world.clock.advance(Duration::from_secs(12));
    assert_eq!(
        world.guess_until_throttled("ada@example.org", "198.51.100.1").await.0,
        1
    );
}

async fn guesses_from_many_networks_count_together(world: World) {
    world.register("ada@example.org").await;
    for host in 0..5 {
        let guess = world
            .login(
                "ada@example.org",
                OTHER_PASSWORD,
                network(&format!("198.51.100.{host}")),
            )
            .await;
        assert!(matches!(guess, Err(AuthError::InvalidCredentials)));
    }
    assert_eq!(
        world.guess_until_throttled("ada@example.org", "198.51.100.99").await.0,
        0
    );
}

async fn an_address_without_an_account_is_limited_as_one_with_an_account(world: World) {
    let throttled = world.guess_until_throttled("nobody@example.org", "198.51.100.1").await;
    assert_eq!(throttled, (5, Duration::from_secs(12)));
    assert_eq!(
        world
            .guess_until_throttled("Nobody@Example.org", "198.51.100.2")
            .await
            .0,
        0
    );
}

async fn who_knows_the_password_is_not_counted(world: World) {
    world.register("ada@example.org").await;
    for attempt in 1..=20 {
        let signed_in = world.try_login("ada@example.org", PASSWORD, elsewhere()).await;
        assert_eq!(
            signed_in.standing.unwrap().remaining,
            5.min(30 - attempt),
            "attempt {attempt}"
        );
        signed_in.outcome.unwrap();
    }
}

async fn a_network_may_try_thirty_times_a_minute_whatever_the_account(world: World) {
    for number in 0..30 {
        let guess = world
            .login(&format!("u{number}@example.org"), OTHER_PASSWORD, elsewhere())
            .await;
        assert!(matches!(guess, Err(AuthError::InvalidCredentials)));
    }
    let refused = world.try_login("u30@example.org", OTHER_PASSWORD, elsewhere()).await;
    assert!(matches!(refused.outcome, Err(AuthError::Throttled(_))));
    assert_eq!(refused.standing.unwrap().limit.quota, 30);
    let other = world.login("u30@example.org", OTHER_PASSWORD, home()).await;
    assert!(matches!(other, Err(AuthError::InvalidCredentials)));
}

async fn a_guesser_at_home_does_not_use_up_the_count_of_elsewhere(world: World) {
    world.register("ada@example.org").await;
    assert_eq!(world.guess_until_throttled("ada@example.org", "192.0.2.1").await.0, 5);
    assert!(world.login("ada@example.org", PASSWORD, elsewhere()).await.is_ok());
}

async fn after_another_password_the_networks_of_before_are_strange(world: World) {
    let owner = world.register("ada@example.org").await;
    let thief = world.login("ada@example.org", PASSWORD, elsewhere()).await.unwrap();
    let (current, new) = (
        Password::presented(PASSWORD.to_owned()),
        Password::presented("a third horse battery".to_owned()),
    );
    let session = owner.grant.refresh_token.session();
    let changed = world
        .service
        .change_password(owner.user.id, Some(session), &current, &new)
        .await;
    changed.outcome.unwrap();
    assert!(world.refresh(&thief.grant.refresh_token).await.is_err());
    // The thief's network has no count of its own any more: it shares that of all strangers.
    assert_eq!(world.guess_until_throttled("ada@example.org", "203.0.113.9").await.0, 5);
    assert_eq!(
        world.guess_until_throttled("ada@example.org", "198.51.100.1").await.0,
        0
    );
    let at_home = world.login("ada@example.org", "a third horse battery", home()).await;
    assert!(at_home.is_ok());
}

async fn without_limits_nothing_is_counted(world: World) {
    let service = world.but(|parts| parts.limits = None);
    let wrong = Password::presented(OTHER_PASSWORD.to_owned());
    for _ in 0..40 {
        let attempt = service.login(&email("ada@example.org"), &wrong, elsewhere()).await;
        assert!(matches!(attempt.outcome, Err(AuthError::InvalidCredentials)));
        assert_eq!(attempt.standing, None);
    }
}
