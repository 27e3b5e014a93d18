//! Sessions: opened, refreshed, ended, forgotten.

use std::time::Duration;

use auth_api::events::{SESSION_REVOKED, SessionRevoked};
use auth_service::store::{MAX_SESSIONS, PasswordChange, Rotated};
use futures::future::join_all;
use platform_clock::Clock;
use values::{SessionId, UserId};

use super::{ELSEWHERE, GRACE, HOME, IDLE, World, hash, open, token};

platform_sql::stores!(
    "auth",
    open,
    [
        a_session_is_opened_by_the_password_as_it_is_and_says_whose,
        a_spent_token_gives_the_same_successor_while_that_is_unused_and_a_moment_has_not_passed,
        a_spent_token_whose_successor_was_used_ends_the_session,
        a_spent_token_ends_the_session_after_the_grace,
        an_older_token_ends_the_session_at_once,
        of_twins_that_refresh_one_rotates_and_all_get_the_same,
        a_session_ends_once_and_is_told_of_once,
        a_session_that_is_not_used_expires,
        a_refresh_moves_the_network_and_the_expiry,
        another_password_ends_all_sessions_but_one,
        a_password_that_was_changed_meanwhile_is_not_changed,
        no_session_of_an_old_password_outlives_the_change,
        an_account_keeps_its_newest_sessions_and_ended_ones_go_first,
        expired_sessions_are_forgotten_in_steps,
    ]
);

impl World {
    async fn change_password(&self, account: UserId, old: &str, keep: Option<SessionId>) -> bool {
        let change = PasswordChange {
            account,
            old: hash(old),
            new: hash("second"),
            keep,
        };
        self.store.change_password(&change, &self.cause()).await.unwrap()
    }

    /// The sessions that were told to have ended.
    async fn revoked(&self) -> Vec<SessionId> {
        let events = self
            .events()
            .await
            .into_iter()
            .filter(|event| event.kind == SESSION_REVOKED);
        let mut revoked: Vec<SessionId> = events
            .map(|event| event.data::<SessionRevoked>().unwrap().session_id)
            .collect();
        revoked.sort_unstable();
        revoked
    }
}

async fn a_session_is_opened_by_the_password_as_it_is_and_says_whose(world: World) {
    let ada = world.register("ada@example.org").await;
    let session = world.session(ada.id, HOME);
    let opened = world.store.open_session(&session, &hash("first"), &world.cause()).await;
    assert_eq!(opened.unwrap(), Some(ada.clone()));
    assert!(world.is_live(session.id).await);

    for (account, password) in [(ada.id, "second"), (UserId::from(world.clock.new_id()), "first")] {
        let session = world.session(account, ELSEWHERE);
        let refused = world
            .store
            .open_session(&session, &hash(password), &world.cause())
            .await;
        assert_eq!(refused.unwrap(), None);
        assert!(!world.is_live(session.id).await);
    }
    assert!(!world.knows(&ada, ELSEWHERE).await);
}

async fn a_spent_token_gives_the_same_successor_while_that_is_unused_and_a_moment_has_not_passed(world: World) {
    let ada = world.register("ada@example.org").await;
    let session = world.open_session(ada.id).await;
    assert_eq!(world.rotate(session, 1).await, Rotated::Done(ada.clone()));
    for _ in 0..3 {
        assert_eq!(world.rotate(session, 1).await, Rotated::Again(ada.clone(), token(2)));
    }
    assert_eq!(world.rotate(session, 2).await, Rotated::Done(ada));
    assert!(world.revoked().await.is_empty());
}

async fn a_spent_token_whose_successor_was_used_ends_the_session(world: World) {
    let ada = world.register("ada@example.org").await;
    let session = world.open_session(ada.id).await;
    world.rotate(session, 1).await;
    world.rotate(session, 2).await;
    assert_eq!(world.rotate(session, 1).await, Rotated::Reused);
    assert_eq!(
        world.rotate(session, 3).await,
        Rotated::Unknown,
        "the newest one is no good either"
    );
    assert_eq!(world.rotate(session, 1).await, Rotated::Reused);
    assert_eq!(world.revoked().await, [session]);
    assert!(!world.knows(&ada, HOME).await, "the network may be the thief's");
}

async fn a_spent_token_ends_the_session_after_the_grace(world: World) {
    let ada = world.register("ada@example.org").await;
    let session = world.open_session(ada.id).await;
    world.rotate(session, 1).await;
    // Each call of the test takes a millisecond: the first and the last moment of the grace.
    world.clock.advance(GRACE.saturating_sub(Duration::from_millis(1)));
    assert_eq!(
        world.rotate(session, 1).await,
        Rotated::Again(ada, token(2)),
        "after 10 s to the dot"
    );
    assert_eq!(world.rotate(session, 1).await, Rotated::Reused, "a millisecond later");
    assert_eq!(world.rotate(session, 2).await, Rotated::Unknown);
    assert_eq!(world.revoked().await, [session]);
}

async fn an_older_token_ends_the_session_at_once(world: World) {
    let ada = world.register("ada@example.org").await;
    let (session, other) = (world.open_session(ada.id).await, world.open_session(ada.id).await);
    assert_eq!(
        world.rotate(session, 9).await,
        Rotated::Reused,
        "one of ours that is not the newest was spent"
    );
    assert_eq!(world.rotate(session, 1).await, Rotated::Unknown);
    assert!(world.is_live(other).await, "another session of the account goes on");
    assert_eq!(world.revoked().await, [session]);
}

async fn of_twins_that_refresh_one_rotates_and_all_get_the_same(world: World) {
    let ada = world.register("ada@example.org").await;
    let session = world.open_session(ada.id).await;
    let (rotation, cause) = (world.rotation(session, 1), world.cause());
    let twins = (0..8).map(|_| world.store.rotate_session(&rotation, &cause));
    let answers: Vec<Rotated> = join_all(twins).await.into_iter().map(Result::unwrap).collect();
    let again = Rotated::Again(ada.clone(), token(2));
    assert_eq!(
        answers
            .iter()
            .filter(|answer| **answer == Rotated::Done(ada.clone()))
            .count(),
        1
    );
    assert_eq!(answers.iter().filter(|answer| **answer == again).count(), 7);
}

async fn a_session_ends_once_and_is_told_of_once(world: World) {
    let ada = world.register("ada@example.org").await;
    let session = world.open_session(ada.id).await;
    for _ in 0..2 {
        world.store.end_session(session, &world.cause()).await.unwrap();
    }
    world
        .store
        .end_session(SessionId::from(world.clock.new_id()), &world.cause())
        .await
        .unwrap();
    assert_eq!(world.rotate(session, 1).await, Rotated::Unknown);
    assert_eq!(world.revoked().await, [session]);
    assert!(
        world.knows(&ada, HOME).await,
        "who signs out comes back to the same place"
    );
}

async fn a_session_that_is_not_used_expires(world: World) {
    let ada = world.register("ada@example.org").await;
    let session = world.open_session(ada.id).await;
    world.clock.advance(IDLE);
    assert_eq!(world.rotate(session, 1).await, Rotated::Unknown);
    world.store.end_session(session, &world.cause()).await.unwrap();
    assert!(world.change_password(ada.id, "first", None).await);
    assert!(world.revoked().await.is_empty(), "what ended by itself is not told of");
}

async fn a_refresh_moves_the_network_and_the_expiry(world: World) {
    let ada = world.register("ada@example.org").await;
    let session = world.open_session(ada.id).await;
    world.clock.advance(IDLE / 2);
    let mut rotation = world.rotation(session, 1);
    rotation.network = ELSEWHERE;
    world.store.rotate_session(&rotation, &world.cause()).await.unwrap();
    assert!(world.knows(&ada, ELSEWHERE).await && !world.knows(&ada, HOME).await);
    world.clock.advance(IDLE / 2);
    assert!(matches!(world.rotate(session, 2).await, Rotated::Done(_)));
}

async fn another_password_ends_all_sessions_but_one(world: World) {
    let ada = world.register("ada@example.org").await;
    let grace = world.register("grace@example.org").await;
    let kept = world.open_session(ada.id).await;
    let mut others = [world.open_session(ada.id).await, world.open_session(ada.id).await];
    others.sort_unstable();
    let ended = world.open_session(ada.id).await;
    world.store.end_session(ended, &world.cause()).await.unwrap();
    let of_grace = world.open_session(grace.id).await;

    assert!(world.change_password(ada.id, "first", Some(kept)).await);
    assert_eq!(world.store.find(ada.id).await.unwrap().unwrap().hash, hash("second"));
    assert!(world.is_live(kept).await && world.is_live(of_grace).await);
    for other in others {
        assert_eq!(world.rotate(other, 1).await, Rotated::Unknown);
    }
    let mut told = [others[0], others[1], ended];
    told.sort_unstable();
    assert_eq!(world.revoked().await, told, "each once");

    assert!(world.change_password(ada.id, "second", None).await);
    assert_eq!(
        world.rotate(kept, 2).await,
        Rotated::Unknown,
        "without one to keep all end"
    );
    assert!(
        !world.knows(&ada, HOME).await,
        "whoever was there may have been a thief"
    );
}

async fn a_password_that_was_changed_meanwhile_is_not_changed(world: World) {
    let ada = world.register("ada@example.org").await;
    let session = world.open_session(ada.id).await;
    assert!(!world.change_password(ada.id, "another", None).await);
    assert!(
        !world
            .change_password(UserId::from(world.clock.new_id()), "first", None)
            .await
    );
    assert_eq!(world.store.find(ada.id).await.unwrap().unwrap().hash, hash("first"));
    assert!(world.is_live(session).await);
}

async fn no_session_of_an_old_password_outlives_the_change(world: World) {
    for number in 0..40 {
        let ada = world.register(&format!("ada{number}@example.org")).await;
        let sessions: Vec<_> = (0..4).map(|_| world.session(ada.id, HOME)).collect();
        let (cause, password) = (world.cause(), hash("first"));
        let opened = sessions
            .iter()
            .map(|session| world.store.open_session(session, &password, &cause));
        let (_, changed) = tokio::join!(join_all(opened), world.change_password(ada.id, "first", None));
        assert!(changed);
        for session in sessions {
            assert_eq!(world.rotate(session.id, 1).await, Rotated::Unknown, "round {number}");
        }
    }
}

async fn an_account_keeps_its_newest_sessions_and_ended_ones_go_first(world: World) {
    let ada = world.register("ada@example.org").await;
    let mut sessions = Vec::new();
    for _ in 0..MAX_SESSIONS {
        sessions.push(world.open_session(ada.id).await);
    }
    let newest = *sessions.last().unwrap();
    world.store.end_session(newest, &world.cause()).await.unwrap();
    sessions.push(world.open_session(ada.id).await);
    assert!(world.is_live(sessions[0]).await, "the ended one made room");
    sessions.push(world.open_session(ada.id).await);
    assert_eq!(
        world.rotate(sessions[1], 1).await,
        Rotated::Unknown,
        "the one that was not used for longest"
    );
    assert!(matches!(world.rotate(sessions[0], 2).await, Rotated::Done(_)));
    assert!(world.is_live(sessions[2]).await);
}

async fn expired_sessions_are_forgotten_in_steps(world: World) {
    let ada = world.register("ada@example.org").await;
    for _ in 0..5 {
        world.open_session(ada.id).await;
    }
    let before = world.clock.now();
    world.clock.advance(IDLE);
    let late = world.open_session(ada.id).await;
    assert_eq!(world.store.purge_sessions(before, 100).await.unwrap(), 0);
    let now = world.cause().at;
    assert_eq!(world.store.purge_sessions(now, 3).await.unwrap(), 3);
    assert_eq!(world.store.purge_sessions(now, 3).await.unwrap(), 2);
    assert_eq!(world.store.purge_sessions(now, 3).await.unwrap(), 0);
    assert!(world.is_live(late).await);
}
