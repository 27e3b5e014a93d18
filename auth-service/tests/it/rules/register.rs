//! Registration.

use std::time::Duration;

use auth_service::service::AuthError;
use futures::future::join_all;

use super::{OTHER_PASSWORD, PASSWORD, World, claims, home, open};

platform_sql::stores!(
    "auth",
    open,
    [
        who_registers_is_signed_in,
        a_registration_whose_answer_was_lost_may_be_repeated_for_ten_minutes,
        an_address_that_is_taken_is_not_given_to_another_password,
        twins_that_register_get_one_account_and_a_session_each,
        a_network_may_register_thirty_times_a_minute,
    ]
);

async fn who_registers_is_signed_in(world: World) {
    let signed_in = world.register("Ada@Example.org").await;
    assert_eq!(signed_in.user.email.as_str(), "Ada@Example.org");
    assert_eq!(
        (signed_in.user.name.as_str(), &*signed_in.user.roles),
        ("Ada", &["customer".to_owned()][..])
    );
    let claims = claims(&signed_in.grant.access_token);
    assert_eq!(claims.sub, signed_in.user.id.to_string());
    assert_eq!(claims.sid, Some(signed_in.grant.refresh_token.session()));
    assert_eq!(
        (claims.iss.as_str(), claims.aud.as_str(), claims.client_id.as_str()),
        ("stoa", "stoa", "stoa")
    );
    assert_eq!(claims.roles, ["customer"]);
    assert_eq!((claims.exp - claims.iat, claims.nbf), (15 * 60, claims.iat));
    assert_eq!(signed_in.grant.expires_in, Duration::from_mins(15));
}

async fn a_registration_whose_answer_was_lost_may_be_repeated_for_ten_minutes(world: World) {
    let first = world.register("ada@example.org").await;
    world.clock.advance(Duration::from_mins(10));
    let again = world.try_register("ADA@example.org", PASSWORD).await.outcome.unwrap();
    assert_eq!(again.user.id, first.user.id);
    assert_ne!(again.grant.refresh_token.session(), first.grant.refresh_token.session());
    assert!(
        world.refresh(&first.grant.refresh_token).await.is_ok(),
        "the first session goes on"
    );

    world.clock.advance(Duration::from_millis(1));
    let late = world.try_register("ada@example.org", PASSWORD).await.outcome;
    assert!(matches!(late, Err(AuthError::EmailTaken)), "{late:?}");
}

async fn an_address_that_is_taken_is_not_given_to_another_password(world: World) {
    world.register("ada@example.org").await;
    let other = world.try_register("ada@example.org", OTHER_PASSWORD).await.outcome;
    assert!(matches!(other, Err(AuthError::EmailTaken)), "{other:?}");
    let refused = world.login("ada@example.org", OTHER_PASSWORD, home()).await;
    assert!(matches!(refused, Err(AuthError::InvalidCredentials)));

    // Registering is no way around the limit on guesses.
    for _ in 0..3 {
        world
            .try_register("ada@example.org", OTHER_PASSWORD)
            .await
            .outcome
            .unwrap_err();
    }
    let guessed_too_often = world.try_register("ada@example.org", PASSWORD).await.outcome;
    assert!(
        matches!(guessed_too_often, Err(AuthError::Throttled(_))),
        "{guessed_too_often:?}"
    );
}

async fn twins_that_register_get_one_account_and_a_session_each(world: World) {
    let twins = join_all((0..4).map(|_| world.try_register("ada@example.org", PASSWORD))).await;
    let twins: Vec<_> = twins.into_iter().map(|twin| twin.outcome.unwrap()).collect();
    assert!(twins.iter().all(|twin| twin.user.id == twins[0].user.id));
    let mut sessions: Vec<_> = twins.iter().map(|twin| twin.grant.refresh_token.session()).collect();
    sessions.sort_unstable();
    sessions.dedup();
    assert_eq!(sessions.len(), 4);
    for twin in &twins {
        assert!(world.refresh(&twin.grant.refresh_token).await.is_ok());
    }
}

async fn a_network_may_register_thirty_times_a_minute(world: World) {
    for number in 0..30 {
        let attempt = world.try_register(&format!("u{number}@example.org"), PASSWORD).await;
        assert_eq!(attempt.standing.unwrap().remaining, 29 - number);
        attempt.outcome.unwrap();
    }
    let refused = world.try_register("one.more@example.org", PASSWORD).await;
    assert!(matches!(refused.outcome, Err(AuthError::Throttled(_))));
    assert_eq!(refused.standing.unwrap().limit.quota, 30);
    world.clock.advance(Duration::from_secs(2));
    world.register("one.more@example.org").await;
}
