//! What a verifier accepts and what it refuses.

use std::sync::Arc;
use std::time::Duration;

use platform_clock::{Clock, ManualClock};
use platform_identity::testing::TestIssuer;
use platform_identity::{Audience, Claims, Revocations, Role, Subject, TokenError};
use values::UserId;

struct World {
    clock: Arc<ManualClock>,
    issuer: Arc<TestIssuer>,
    user: UserId,
}

fn world() -> World {
    let clock = Arc::new(ManualClock::default());
    let issuer = TestIssuer::new(clock.clone());
    let user = UserId::from(clock.new_id());
    World { clock, issuer, user }
}

#[tokio::test]
async fn a_good_token_names_its_bearer() {
    let World { issuer, user, .. } = world();
    let principal = issuer
        .verifier(Audience::People)
        .verify(&issuer.user_token(user, &[Role::Admin]))
        .await
        .unwrap();
    assert_eq!(principal.subject, Subject::User(user));
    assert!(principal.is_admin());
}

#[tokio::test]
async fn a_remembered_token_still_expires() {
    let World { clock, issuer, user } = world();
    let (verifier, token) = (issuer.verifier(Audience::People), issuer.user_token(user, &[]));
    verifier.verify(&token).await.unwrap();
    clock.advance(Duration::from_secs(904));
    verifier.verify(&token).await.unwrap();
    clock.advance(Duration::from_secs(1));
    assert_eq!(verifier.verify(&token).await.unwrap_err(), TokenError::Expired);
}

#[tokio::test]
async fn a_remembered_token_of_a_revoked_session_is_refused() {
    let World { issuer, user, .. } = world();
    let revocations = Revocations::new();
    let verifier = issuer.verifier_with(Audience::People, revocations.clone());
    let token = issuer.user_token(user, &[]);
    let principal = verifier.verify(&token).await.unwrap();
    revocations.revoke(principal.session.unwrap());
    assert_eq!(verifier.verify(&token).await.unwrap_err(), TokenError::Revoked);
}

#[tokio::test]
async fn tokens_for_others_are_refused() {
    let World { issuer, user, .. } = world();
    let people = issuer.verifier(Audience::People);
    let service_token = issuer.service_token("order-service", "product");
    assert_eq!(
        people.verify(&service_token).await.unwrap_err(),
        TokenError::WrongAudience
    );
    let product = issuer.verifier(Audience::Service("product"));
    assert_eq!(
        product
            .verify(&issuer.user_token(user, &[Role::Admin]))
            .await
            .unwrap_err(),
        TokenError::WrongAudience
    );
    assert_eq!(
        product.verify(&service_token).await.unwrap().subject,
        Subject::Service("order-service".to_owned())
    );
    let foreign = Claims {
        iss: "other".to_owned(),
        ..issuer.claims(user, &[])
    };
    assert_eq!(
        people.verify(&issuer.sign(&foreign)).await.unwrap_err(),
        TokenError::WrongAudience
    );
}

#[tokio::test]
async fn another_type_another_key_and_a_broken_signature_are_refused() {
    let World { clock, issuer, user } = world();
    let verifier = issuer.verifier(Audience::People);
    let id_token = issuer.sign_as("JWT", &issuer.claims(user, &[]));
    assert_eq!(verifier.verify(&id_token).await.unwrap_err(), TokenError::Malformed);
    let stranger = TestIssuer::new(clock.clone());
    assert_eq!(
        verifier.verify(&stranger.user_token(user, &[])).await.unwrap_err(),
        TokenError::UnknownKey
    );
    let token = issuer.user_token(user, &[]);
    let (head, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    clock.advance(Duration::from_secs(10));
    assert_eq!(verifier.verify(&forged).await.unwrap_err(), TokenError::Malformed);
    for garbage in ["", "a.b.c", &"x".repeat(5000)] {
        assert_eq!(verifier.verify(garbage).await.unwrap_err(), TokenError::Malformed);
    }
}

#[tokio::test]
async fn a_token_is_not_valid_before_its_time() {
    let World { clock, issuer, user } = world();
    let later = clock.now().as_secs() + 6;
    let token = issuer.sign(&Claims {
        nbf: later,
        ..issuer.claims(user, &[])
    });
    assert_eq!(
        issuer.verifier(Audience::People).verify(&token).await.unwrap_err(),
        TokenError::Expired
    );
}
