//! Signing in.

use auth_service::password::Password;
use auth_service::service::AuthError;
use futures::future::join_all;
use platform_identity::Role;

use super::{OTHER_PASSWORD, PASSWORD, World, claims, elsewhere, email, home, open};

platform_sql::stores!(
    "auth",
    open,
    [
        the_right_password_opens_a_session,
        a_wrong_password_and_an_unknown_address_are_told_apart_by_nothing,
        an_unknown_address_costs_a_hash_as_well,
        a_password_is_the_same_however_its_letters_are_composed,
        a_role_that_is_taken_while_one_signs_in_is_in_no_token_that_works,
    ]
);

async fn the_right_password_opens_a_session(world: World) {
    let registered = world.register("ada@example.org").await;
    let signed_in = world.login(" ADA@example.org", PASSWORD, elsewhere()).await.unwrap();
    assert_eq!(signed_in.user, registered.user);
    let session = signed_in.grant.refresh_token.session();
    assert_ne!(session, registered.grant.refresh_token.session());
    assert_eq!(claims(&signed_in.grant.access_token).sid, Some(session));
    assert!(world.refresh(&signed_in.grant.refresh_token).await.is_ok());
}

async fn a_wrong_password_and_an_unknown_address_are_told_apart_by_nothing(world: World) {
    world.register("ada@example.org").await;
    for _ in 0..6 {
        let wrong = world.try_login("ada@example.org", OTHER_PASSWORD, elsewhere()).await;
        let unknown = world.try_login("nobody@example.org", OTHER_PASSWORD, elsewhere()).await;
        let (wrong_is, unknown_is) = (wrong.outcome.unwrap_err(), unknown.outcome.unwrap_err());
        assert_eq!(wrong_is.to_string(), unknown_is.to_string());
        let remaining = [wrong.standing, unknown.standing].map(|standing| standing.unwrap().remaining);
        assert_eq!(remaining[0], remaining[1]);
    }
}

async fn an_unknown_address_costs_a_hash_as_well(world: World) {
    world.register("ada@example.org").await;
    // So many wait to be hashed that no more are taken.
    let password = Password::presented(PASSWORD.to_owned());
    let mut crowd: Vec<_> = (0..2_000).map(|_| Box::pin(world.hasher.hash(&password))).collect();
    for hash in &mut crowd {
        let _ = futures::poll!(hash);
    }
    for address in ["ada@example.org", "nobody@example.org"] {
        let refused = world.login(address, OTHER_PASSWORD, elsewhere()).await;
        assert!(matches!(refused, Err(AuthError::Busy(_))), "{address}: {refused:?}");
    }
    drop(crowd);
    let standing = world
        .try_login("nobody@example.org", PASSWORD, elsewhere())
        .await
        .standing;
    assert_eq!(standing.unwrap().remaining, 4, "what was never looked at did not count");
}

async fn a_password_is_the_same_however_its_letters_are_composed(world: World) {
    world
        .try_register("ada@example.org", "cre\u{300}me bru\u{302}le\u{301}e")
        .await
        .outcome
        .unwrap();
    assert!(
        world
            .login("ada@example.org", "cr\u{e8}me br\u{fb}l\u{e9}e", home())
            .await
            .is_ok()
    );
}

async fn a_role_that_is_taken_while_one_signs_in_is_in_no_token_that_works(world: World) {
    let ada = email("ada@example.org");
    world.register("ada@example.org").await;
    let service = world.but(|parts| parts.limits = None);
    for _ in 0..10 {
        service.grant_admin(&ada).await.unwrap();
        let password = Password::presented(PASSWORD.to_owned());
        let logins = join_all((0..3).map(|_| service.login(&ada, &password, home())));
        let (signed_in, revoked) = tokio::join!(logins, service.revoke_admin(&ada));
        assert!(!revoked.unwrap().roles.has(Role::Admin));
        for signed_in in signed_in {
            let grant = signed_in.outcome.unwrap().grant;
            let may_run_the_shop = claims(&grant.access_token).roles.contains(&"admin".to_owned());
            let goes_on = world.refresh(&grant.refresh_token).await.is_ok();
            assert!(
                !(may_run_the_shop && goes_on),
                "the session of such a token was told to have ended"
            );
        }
    }
}
