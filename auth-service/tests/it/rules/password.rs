//! Another password.

use auth_service::password::Password;
use auth_service::service::{Attempted, AuthError, SignedIn};
use values::UserId;

use super::{OTHER_PASSWORD, PASSWORD, World, elsewhere, home, open};

const NEW: &str = "a third horse battery";

platform_sql::stores!(
    "auth",
    open,
    [
        another_password_ends_the_other_sessions_and_not_ones_own,
        who_does_not_know_the_password_changes_nothing,
        whoever_took_a_session_over_cannot_use_up_the_owners_guesses,
        of_two_changes_at_once_one_wins,
        an_account_that_is_gone_has_no_password,
    ]
);

impl World {
    async fn change(&self, who: &SignedIn, current: &str, new: &str) -> Attempted<()> {
        let (current, new) = (
            Password::presented(current.to_owned()),
            Password::chosen(new.to_owned()).unwrap(),
        );
        let session = who.grant.refresh_token.session();
        self.service
            .change_password(who.user.id, Some(session), &current, &new)
            .await
    }
}

async fn another_password_ends_the_other_sessions_and_not_ones_own(world: World) {
    let other = world.register("ada@example.org").await;
    let own = world.login("ada@example.org", PASSWORD, home()).await.unwrap();
    let changed = world.change(&own, PASSWORD, NEW).await;
    changed.outcome.unwrap();
    assert_eq!(changed.standing.unwrap().remaining, 5);
    assert!(world.refresh(&own.grant.refresh_token).await.is_ok());
    let refused = world.refresh(&other.grant.refresh_token).await;
    assert!(matches!(refused, Err(AuthError::RefreshTokenInvalid)));
    assert!(world.login("ada@example.org", PASSWORD, home()).await.is_err());
    assert!(world.login("ada@example.org", NEW, home()).await.is_ok());
}

async fn who_does_not_know_the_password_changes_nothing(world: World) {
    let ada = world.register("ada@example.org").await;
    for left in (0..5).rev() {
        let refused = world.change(&ada, OTHER_PASSWORD, NEW).await;
        assert!(matches!(refused.outcome, Err(AuthError::InvalidCredentials)));
        assert_eq!(refused.standing.unwrap().remaining, left);
    }
    let throttled = world.change(&ada, PASSWORD, NEW).await;
    assert!(matches!(throttled.outcome, Err(AuthError::Throttled(_))));
    assert!(world.login("ada@example.org", PASSWORD, elsewhere()).await.is_ok());
}

async fn whoever_took_a_session_over_cannot_use_up_the_owners_guesses(world: World) {
    let taken_over = world.register("ada@example.org").await;
    let owner = world.login("ada@example.org", PASSWORD, home()).await.unwrap();
    while !matches!(
        world.change(&taken_over, OTHER_PASSWORD, NEW).await.outcome,
        Err(AuthError::Throttled(_))
    ) {}
    world.change(&owner, PASSWORD, NEW).await.outcome.unwrap();
}

async fn of_two_changes_at_once_one_wins(world: World) {
    let ada = world.register("ada@example.org").await;
    let (one, other) = tokio::join!(
        world.change(&ada, PASSWORD, NEW),
        world.change(&ada, PASSWORD, OTHER_PASSWORD)
    );
    let won = [one, other].map(|attempt| attempt.outcome.is_ok());
    assert!(won[0] != won[1], "{won:?}");
    let now = if won[0] { NEW } else { OTHER_PASSWORD };
    assert!(world.login("ada@example.org", now, home()).await.is_ok());
}

async fn an_account_that_is_gone_has_no_password(world: World) {
    let mut ghost = world.register("ada@example.org").await;
    ghost.user.id = UserId::from(uuid::Uuid::nil());
    let refused = world.change(&ghost, PASSWORD, NEW).await.outcome;
    assert!(matches!(refused, Err(AuthError::InvalidCredentials)));
}
