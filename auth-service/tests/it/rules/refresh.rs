//! Going on with a session, and ending it.

use std::time::Duration;

use auth_service::refresh_token::RefreshKeys;
use auth_service::service::{AuthError, Grant};
use futures::future::join_all;

use super::{World, claims, email, home, open};

platform_sql::stores!(
    "auth",
    open,
    [
        a_refresh_goes_on_with_the_session_and_its_new_roles,
        for_ten_seconds_a_lost_answer_is_given_again,
        a_token_that_is_used_twice_ends_the_session_for_both,
        twins_that_refresh_get_the_same_successor,
        what_is_no_token_of_ours_is_refused,
        who_signs_out_is_out_however_often,
        a_session_lives_for_thirty_days_from_its_last_use,
    ]
);

fn is_invalid(outcome: &Result<Grant, AuthError>) -> bool {
    matches!(outcome, Err(AuthError::RefreshTokenInvalid))
}

fn is_reused(outcome: &Result<Grant, AuthError>) -> bool {
    matches!(outcome, Err(AuthError::RefreshTokenReused))
}

async fn a_refresh_goes_on_with_the_session_and_its_new_roles(world: World) {
    let first = world.register("ada@example.org").await.grant;
    world.service.grant_admin(&email("ada@example.org")).await.unwrap();
    let next = world.refresh(&first.refresh_token).await.unwrap();
    assert_ne!(next.refresh_token, first.refresh_token);
    let (before, after) = (claims(&first.access_token), claims(&next.access_token));
    assert_eq!((after.sub, after.sid), (before.sub, before.sid));
    assert_ne!(after.jti, before.jti);
    assert_eq!(after.roles, ["admin", "customer"]);
}

async fn for_ten_seconds_a_lost_answer_is_given_again(world: World) {
    let first = world.register("ada@example.org").await.grant.refresh_token;
    let lost = world.refresh(&first).await.unwrap().refresh_token;
    world.clock.advance(Duration::from_secs(10));
    let again = world.refresh(&first).await.unwrap().refresh_token;
    assert_eq!(again, lost);
    assert!(world.refresh(&again).await.is_ok(), "and it is good");
}

async fn a_token_that_is_used_twice_ends_the_session_for_both(world: World) {
    let stolen = world.register("ada@example.org").await.grant.refresh_token;
    let owners = world.refresh(&stolen).await.unwrap().refresh_token;
    world.clock.advance(Duration::from_millis(10_001));
    assert!(is_reused(&world.refresh(&stolen).await));
    assert!(is_invalid(&world.refresh(&owners).await));

    // Sooner as well, if the successor was used.
    let stolen = world.register("grace@example.org").await.grant.refresh_token;
    let owners = world.refresh(&stolen).await.unwrap().refresh_token;
    let owners = world.refresh(&owners).await.unwrap().refresh_token;
    assert!(is_reused(&world.refresh(&stolen).await));
    assert!(is_invalid(&world.refresh(&owners).await));
}

async fn twins_that_refresh_get_the_same_successor(world: World) {
    let first = world.register("ada@example.org").await.grant.refresh_token;
    let twins = join_all((0..8).map(|_| world.refresh(&first))).await;
    let twins: Vec<_> = twins.into_iter().map(|twin| twin.unwrap().refresh_token).collect();
    assert!(twins.iter().all(|twin| *twin == twins[0]));
    assert!(world.refresh(&twins[0]).await.is_ok());
}

async fn what_is_no_token_of_ours_is_refused(world: World) {
    let session = world.register("ada@example.org").await.grant.refresh_token.session();
    let foreign = RefreshKeys::new([&b"another key"[..]]).issue(session, [7; 32]);
    for text in ["", "nonsense", &foreign.to_text()] {
        assert!(is_invalid(&world.service.refresh(text, home()).await), "{text}");
        world.service.logout(text).await.unwrap();
    }
    let invented = world
        .keys
        .ring()
        .refresh
        .issue(values::SessionId::from(uuid::Uuid::nil()), [7; 32]);
    assert!(is_invalid(&world.refresh(&invented).await));
    // Nobody ended the session by inventing a token for it.
    assert!(world.login("ada@example.org", super::PASSWORD, home()).await.is_ok());
}

async fn who_signs_out_is_out_however_often(world: World) {
    let grant = world.register("ada@example.org").await.grant;
    let newest = world.refresh(&grant.refresh_token).await.unwrap().refresh_token;
    for token in [&grant.refresh_token, &newest] {
        world.service.logout(&token.to_text()).await.unwrap();
        assert!(is_invalid(&world.refresh(&newest).await));
    }
}

async fn a_session_lives_for_thirty_days_from_its_last_use(world: World) {
    const ALMOST: Duration = Duration::from_hours(30 * 24 - 1);
    let mut token = world.register("ada@example.org").await.grant.refresh_token;
    for _ in 0..3 {
        world.clock.advance(ALMOST);
        token = world.refresh(&token).await.unwrap().refresh_token;
    }
    world.clock.advance(ALMOST + Duration::from_hours(1));
    assert!(is_invalid(&world.refresh(&token).await));
}
