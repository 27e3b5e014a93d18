//! Sealed keys.

use auth_service::keys::SealedKey;
use platform_clock::Clock;

use super::{World, open};

platform_sql::stores!(
    "auth",
    open,
    [
        a_generation_is_made_once,
        signing_keys_older_than_the_previous_one_go_and_others_stay,
    ]
);

impl World {
    fn key(&self, purpose: &str, generation: i64, sealed: &[u8]) -> SealedKey {
        SealedKey {
            purpose: purpose.to_owned(),
            generation,
            sealed: sealed.to_vec(),
            created_at: self.clock.now(),
        }
    }

    async fn keys(&self) -> Vec<SealedKey> {
        let mut keys = self.store.keys().await.unwrap();
        keys.sort_by(|one, other| (&one.purpose, one.generation).cmp(&(&other.purpose, other.generation)));
        keys
    }
}

async fn a_generation_is_made_once(world: World) {
    assert!(world.keys().await.is_empty());
    let first = world.key("signing", 1, b"ours");
    world.store.add_keys(std::slice::from_ref(&first)).await.unwrap();
    let theirs = [world.key("signing", 1, b"theirs"), world.key("signing", 2, b"theirs")];
    world.store.add_keys(&theirs).await.unwrap();
    assert_eq!(world.keys().await, [first, theirs[1].clone()]);
}

async fn signing_keys_older_than_the_previous_one_go_and_others_stay(world: World) {
    let refresh = world.key("refresh", 1, b"r");
    world.store.add_keys(std::slice::from_ref(&refresh)).await.unwrap();
    for generation in 1..=5 {
        let next = world.key("signing", generation, b"s");
        world.store.add_keys(&[next]).await.unwrap();
    }
    let kept: Vec<i64> = world.keys().await[1..].iter().map(|key| key.generation).collect();
    assert_eq!(kept, [3, 4, 5], "previous, current and next");
    assert_eq!(world.keys().await[0], refresh);
}
