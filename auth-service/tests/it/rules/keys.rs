//! The keys: made once, rotated, encrypted where they lie.

use std::sync::Arc;

use auth_service::keys::{KeyRing, KeySource, Keys, KeysError, SigningKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use platform_clock::Clock;
use platform_identity::JwkSet;

use super::{ROTATE_EVERY, World, open, stored_keys};

platform_sql::stores!(
    "auth",
    open,
    [
        a_key_is_published_before_its_turn_and_after_it,
        keys_are_rotated_once_however_many_look,
        processes_that_start_together_have_the_same_keys,
        keys_lie_in_the_database_encrypted,
        another_encryption_key_opens_nothing_and_leaves_nothing_behind,
        keys_of_a_file_are_taken_up_and_a_broken_file_changes_nothing,
    ]
);

fn published(ring: &KeyRing) -> Vec<String> {
    let set: JwkSet = serde_json::from_str(&ring.jwks).unwrap();
    let mut kids: Vec<String> = set.keys.into_iter().map(|key| key.common.key_id.unwrap()).collect();
    kids.sort_unstable();
    kids
}

fn assert_publishes(ring: &KeyRing, kids: &[&String]) {
    let mut expected: Vec<String> = kids.iter().map(|kid| (*kid).clone()).collect();
    expected.sort_unstable();
    assert_eq!(published(ring), expected);
}

impl World {
    /// The ring when the current key's time is over, and the id of the key that signs.
    async fn rotate(&self) -> (Arc<KeyRing>, String) {
        self.clock.advance(ROTATE_EVERY);
        self.keys.refresh().await.unwrap();
        let ring = self.keys.ring();
        let kid = ring.current.kid().to_owned();
        (ring, kid)
    }
}

async fn a_key_is_published_before_its_turn_and_after_it(world: World) {
    let ring = world.keys.ring();
    let first = ring.current.kid().to_owned();
    let second = published(&ring).into_iter().find(|kid| *kid != first).unwrap();
    assert_publishes(&ring, &[&first, &second]);

    world.clock.advance(ROTATE_EVERY / 2);
    world.keys.refresh().await.unwrap();
    assert_eq!(world.keys.ring().current.kid(), first, "its time is not over");

    let (ring, current) = world.rotate().await;
    assert_eq!(current, second);
    let third = published(&ring)
        .into_iter()
        .find(|kid| *kid != first && *kid != second)
        .unwrap();
    assert_publishes(&ring, &[&first, &second, &third]);

    let (ring, current) = world.rotate().await;
    assert_eq!(current, third);
    let fourth = published(&ring)
        .into_iter()
        .find(|kid| *kid != second && *kid != third)
        .unwrap();
    assert_publishes(&ring, &[&second, &third, &fourth]);
}

async fn keys_are_rotated_once_however_many_look(world: World) {
    let replica = Keys::open(stored_keys(&world.store, &world.clock, 1)).await.unwrap();
    let before = world.keys.ring();
    world.clock.advance(ROTATE_EVERY);
    let looks = [&world.keys, &replica, &world.keys, &replica].map(Keys::refresh);
    for look in join_all(looks).await {
        look.unwrap();
    }
    world.keys.refresh().await.unwrap();
    replica.refresh().await.unwrap();
    assert_eq!(published(&world.keys.ring()), published(&replica.ring()));
    assert_eq!(world.keys.ring().current.kid(), replica.ring().current.kid());
    assert!(
        published(&world.keys.ring()).contains(&before.current.kid().to_owned()),
        "not twice"
    );
}

async fn processes_that_start_together_have_the_same_keys(world: World) {
    let database = platform_sql::testing::TestDatabase::sqlite();
    let fresh = super::open(database.open("auth").await).await;
    let starts = (0..4).map(|_| Keys::open(stored_keys(&fresh.store, &world.clock, 1)));
    let started: Vec<Keys> = join_all(starts).await.into_iter().map(Result::unwrap).collect();
    let token = fresh.register("ada@example.org").await.grant.refresh_token.to_text();
    for keys in started {
        assert_eq!(published(&keys.ring()), published(&fresh.keys.ring()));
        assert!(keys.ring().refresh.read(&token).is_some());
    }
}

async fn keys_lie_in_the_database_encrypted(world: World) {
    let keys = world.store.keys().await.unwrap();
    assert_eq!(keys.len(), 3, "two that sign and the one behind the refresh tokens");
    for key in keys {
        assert!(SigningKey::from_pkcs8(&key.sealed).is_err());
        // The head of every P-256 key in PKCS #8: its algorithm.
        let algorithm = [0x2a, 0x86, 0x48, 0xce, 0x3d];
        assert!(!key.sealed.windows(5).any(|part| part == algorithm), "{}", key.purpose);
    }
}

async fn another_encryption_key_opens_nothing_and_leaves_nothing_behind(world: World) {
    // A rotation is due, which the wrong key must not try.
    world.clock.advance(ROTATE_EVERY);
    let before = world.store.keys().await.unwrap();
    let refused = Keys::open(stored_keys(&world.store, &world.clock, 2))
        .await
        .err()
        .unwrap();
    assert!(matches!(refused, KeysError::WrongEncryptionKey), "{refused}");
    assert!(refused.to_string().contains("KEY_ENCRYPTION_KEY_FILE"));
    assert_eq!(world.store.keys().await.unwrap(), before);
    assert!(Keys::open(stored_keys(&world.store, &world.clock, 1)).await.is_ok());
}

async fn keys_of_a_file_are_taken_up_and_a_broken_file_changes_nothing(world: World) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.pem");
    let pem = || {
        let key = STANDARD.encode(&*SigningKey::generate());
        format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n")
    };
    let (first, second) = (pem(), pem());
    std::fs::write(&path, &first).unwrap();
    let keys = Keys::open(KeySource::File(path.clone())).await.unwrap();
    let service = world.but(|parts| parts.keys = keys.clone());
    let id = world.clock.new_id().into();
    let token = keys.ring().refresh.issue(id, [7; 32]).to_text();
    let old = keys.ring().current.kid().to_owned();

    std::fs::write(&path, "nonsense").unwrap();
    let broken = service.keys().refresh().await.unwrap_err();
    assert!(matches!(broken, KeysError::SigningKeysFile(_)), "{broken}");
    assert_eq!(service.keys().ring().current.kid(), old);

    std::fs::write(&path, format!("{second}{first}")).unwrap();
    service.keys().refresh().await.unwrap();
    let ring = keys.ring();
    assert_ne!(ring.current.kid(), old);
    assert!(published(&ring).contains(&old), "its tokens still live");
    assert!(ring.refresh.read(&token).is_some(), "and so do the sessions");
}
