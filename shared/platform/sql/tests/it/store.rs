//! The pattern that every service copies, and the platform's own tables, on both engines.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use platform_clock::Clock;
use platform_events::{DeadLetter, DeadLetters};
use platform_sql::idempotency::{IdempotencyKey, Remembered};
use platform_sql::{Database, OwnerError};

use crate::shelf::{self, Goods, Shelf, ShelfError, open};

platform_sql::stores!(
    "shelf",
    open,
    [
        what_was_put_is_found,
        a_label_that_is_taken_is_told_from_other_faults,
        a_refused_unit_leaves_nothing_behind,
        the_last_one_is_sold_once,
        what_is_appended_waits_in_the_outbox,
        events_are_pending_in_order_and_published_ones_are_purged_after_their_time,
        what_is_appended_is_read_along_published_or_not,
        an_event_that_comes_twice_has_one_effect,
        a_key_has_one_effect_and_one_answer,
        a_key_used_for_something_else_is_told,
        a_key_is_fresh_again_after_a_day,
        two_presses_at_once_are_one,
        a_dead_letter_is_kept_listed_and_removed,
        a_schema_that_was_handed_over_is_refused,
        a_fresh_schema_lacks_nothing_once_migrated,
        housekeeping_forgets_what_is_old,
    ]
);

async fn what_was_put_is_found(shelf: Shelf) {
    let goods = shelf.with_goods("tea", 3).await;
    assert_eq!(shelf.store.find(goods.id).await.unwrap(), Some(goods));
}

async fn a_label_that_is_taken_is_told_from_other_faults(shelf: Shelf) {
    let goods = shelf.with_goods("tea", 3).await;
    let (id, label) = (shelf.clock.new_id(), "coffee".to_owned());
    let same_id = shelf.store.put(Goods { label, ..goods.clone() }).await;
    let same_label = shelf.store.put(Goods { id, ..goods }).await;
    assert!(matches!(same_label, Err(ShelfError::LabelTaken)));
    assert!(matches!(same_id, Err(ShelfError::Database(_))));
}

async fn a_refused_unit_leaves_nothing_behind(shelf: Shelf) {
    let goods = shelf.with_goods("tea", 1).await;
    let event = shelf.event();
    assert!(shelf.store.take_for("till", goods.id, event.clone()).await.unwrap());
    let next = shelf.event();
    let refused = shelf.store.take_for("till", goods.id, next.clone()).await;
    assert!(matches!(refused, Err(ShelfError::NotEnough)));
    // Its inbox row went with it: the same event is met for the first time again, and refused again.
    let again = shelf.store.take_for("till", goods.id, next).await;
    assert!(matches!(again, Err(ShelfError::NotEnough)));
}

async fn the_last_one_is_sold_once(shelf: Shelf) {
    let goods = shelf.with_goods("tea", 1).await;
    let store = Arc::clone(&shelf.store);
    let takers = (0..64).map(|_| store.take(goods.id, 1, shelf.event()));
    let sold = join_all(takers).await.into_iter().flatten().count();
    assert_eq!(sold, 1);
}

async fn what_is_appended_waits_in_the_outbox(shelf: Shelf) {
    let goods = shelf.with_goods("tea", 3).await;
    let event = shelf.event().with_traceparent(Some("00-1-2-01".to_owned()));
    shelf.store.take(goods.id, 1, event.clone()).await.unwrap();
    shelf.database.wake().woken().await;
    let pending = shelf.database.outbox().pending(10).await.unwrap();
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].event, event);
}

async fn events_are_pending_in_order_and_published_ones_are_purged_after_their_time(shelf: Shelf) {
    let goods = shelf.with_goods("tea", 300).await;
    let mut expected = Vec::new();
    for _ in 0..5 {
        let event = shelf.event();
        expected.push(event.id);
        shelf.store.take(goods.id, 1, event).await.unwrap();
    }
    let outbox = shelf.database.outbox();
    let pending = outbox.pending(3).await.unwrap();
    assert_eq!(
        pending.iter().map(|row| row.event.id).collect::<Vec<_>>(),
        expected[..3]
    );

    let seqs: Vec<i64> = pending.iter().map(|row| row.seq).collect();
    outbox.mark_published(&seqs, shelf.clock.now()).await.unwrap();
    let rest = outbox.pending(10).await.unwrap();
    assert_eq!(rest.iter().map(|row| row.event.id).collect::<Vec<_>>(), expected[3..]);
    assert_eq!(outbox.backlog(10).await.unwrap(), 2);
    assert_eq!(outbox.backlog(1).await.unwrap(), 1);

    assert_eq!(outbox.purge(shelf.clock.now(), 2).await.unwrap(), 0);
    shelf.clock.advance(Duration::from_secs(1));
    assert_eq!(outbox.purge(shelf.clock.now(), 2).await.unwrap(), 2);
    assert_eq!(outbox.purge(shelf.clock.now(), 2).await.unwrap(), 1);
    assert_eq!(outbox.purge(shelf.clock.now(), 2).await.unwrap(), 0);
    assert_eq!(outbox.backlog(10).await.unwrap(), 2);
}

async fn what_is_appended_is_read_along_published_or_not(shelf: Shelf) {
    let goods = shelf.with_goods("tea", 300).await;
    let (outbox, log) = (shelf.database.outbox(), shelf.database.outbox_log());
    let mut place = log.end(shelf.clock.now()).await.unwrap();
    let mut expected = Vec::new();
    for _ in 0..5 {
        let event = shelf.event();
        expected.push((event.kind.clone(), event.subject.clone()));
        shelf.store.take(goods.id, 1, event).await.unwrap();
    }
    let first = outbox.pending(1).await.unwrap().remove(0);
    outbox.mark_published(&[first.seq], shelf.clock.now()).await.unwrap();

    let mut read = Vec::new();
    for found in [2, 2, 1, 0] {
        let rows = log.after(&place, 2).await.unwrap();
        assert_eq!(rows.len(), found);
        place.pass(&rows, shelf.clock.now(), log.settles_after());
        read.extend(rows.into_iter().map(|row| (row.kind, row.subject)));
    }
    assert_eq!(read, expected);

    // Who begins now gets what may have overtaken something, once.
    let mut late = log.end(shelf.clock.now()).await.unwrap();
    let rows = log.after(&late, 10).await.unwrap();
    assert_eq!(rows.len(), 5);
    late.pass(&rows, shelf.clock.now(), log.settles_after());
    assert_eq!(log.after(&late, 10).await.unwrap(), []);
}

async fn an_event_that_comes_twice_has_one_effect(shelf: Shelf) {
    let goods = shelf.with_goods("tea", 3).await;
    let event = shelf.event();
    assert!(shelf.store.take_for("till", goods.id, event.clone()).await.unwrap());
    assert!(!shelf.store.take_for("till", goods.id, event.clone()).await.unwrap());
    assert!(shelf.store.take_for("another", goods.id, event).await.unwrap());
    assert_eq!(shelf.store.find(goods.id).await.unwrap().unwrap().on_hand, 1);
}

fn key() -> IdempotencyKey {
    IdempotencyKey {
        caller: "user-1".to_owned(),
        route: "POST /shelf".to_owned(),
        key: "k1".to_owned(),
        request_hash: vec![1, 2, 3],
    }
}

async fn a_key_has_one_effect_and_one_answer(shelf: Shelf) {
    let goods = shelf.with_goods("tea", 3).await;
    let first = shelf.store.press(key(), goods.id, shelf.event()).await.unwrap();
    assert_eq!(first, Remembered::Fresh);
    let Remembered::Replay(answer) = shelf.store.press(key(), goods.id, shelf.event()).await.unwrap() else {
        panic!("the key was used")
    };
    assert_eq!((answer.status, &answer.body[..]), (200, &b"2"[..]));
    assert_eq!(
        answer.headers,
        [("Location".to_owned(), format!("/shelf/{}", goods.id))]
    );
    assert_eq!(shelf.store.find(goods.id).await.unwrap().unwrap().on_hand, 2);
}

async fn a_key_used_for_something_else_is_told(shelf: Shelf) {
    let goods = shelf.with_goods("tea", 3).await;
    shelf.store.press(key(), goods.id, shelf.event()).await.unwrap();
    let other_meaning = IdempotencyKey {
        request_hash: vec![9],
        ..key()
    };
    let other_caller = IdempotencyKey {
        caller: "user-2".to_owned(),
        ..key()
    };
    let meaning = shelf.store.press(other_meaning, goods.id, shelf.event()).await.unwrap();
    let caller = shelf.store.press(other_caller, goods.id, shelf.event()).await.unwrap();
    assert_eq!((meaning, caller), (Remembered::Reused, Remembered::Fresh));
}

async fn a_key_is_fresh_again_after_a_day(shelf: Shelf) {
    let goods = shelf.with_goods("tea", 3).await;
    shelf.store.press(key(), goods.id, shelf.event()).await.unwrap();
    shelf.clock.advance(Duration::from_hours(24) + Duration::from_secs(1));
    let other_meaning = IdempotencyKey {
        request_hash: vec![9],
        ..key()
    };
    let next_day = shelf
        .store
        .press(other_meaning.clone(), goods.id, shelf.event())
        .await
        .unwrap();
    assert_eq!(next_day, Remembered::Fresh);
    let replay = shelf.store.press(other_meaning, goods.id, shelf.event()).await.unwrap();
    assert!(matches!(replay, Remembered::Replay(answer) if answer.body == b"1"));
}

async fn two_presses_at_once_are_one(shelf: Shelf) {
    let goods = shelf.with_goods("tea", 10).await;
    let presses = (0..8).map(|_| shelf.store.press(key(), goods.id, shelf.event()));
    let known: Vec<Remembered> = join_all(presses).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(known.iter().filter(|known| **known == Remembered::Fresh).count(), 1);
    assert_eq!(shelf.store.find(goods.id).await.unwrap().unwrap().on_hand, 9);
}

async fn a_dead_letter_is_kept_listed_and_removed(shelf: Shelf) {
    let letters = shelf.database.dead_letters();
    let mut kept = Vec::new();
    for attempts in 1..=3 {
        let letter = DeadLetter {
            subscription: "shelf.till".to_owned(),
            event: shelf.event(),
            reason: "broken".to_owned(),
            attempts,
            at: shelf.clock.now(),
        };
        letters.put(&letter).await.unwrap();
        kept.push(letter);
    }
    kept.sort_by_key(|letter| letter.event.id);
    kept[1].attempts = 9;
    letters.put(&kept[1]).await.unwrap();

    let list = |after| DeadLetters::list(&*letters, "shelf.till", after, 2);
    assert_eq!(list(None).await.unwrap(), kept[..2]);
    assert_eq!(list(Some(kept[1].event.id)).await.unwrap(), kept[2..]);
    assert!(letters.list("another", None, 2).await.unwrap().is_empty());
    let counts = letters.subscriptions().await.unwrap();
    assert_eq!(counts, [("shelf.till".to_owned(), 3)]);
    assert_eq!(
        letters.get("shelf.till", kept[0].event.id).await.unwrap().as_ref(),
        Some(&kept[0])
    );
    assert!(letters.remove("shelf.till", kept[0].event.id).await.unwrap());
    assert!(!letters.remove("shelf.till", kept[0].event.id).await.unwrap());
    assert_eq!(letters.get("shelf.till", kept[0].event.id).await.unwrap(), None);
}

async fn a_schema_that_was_handed_over_is_refused(shelf: Shelf) {
    let claim = |owner| {
        shelf
            .database
            .claim_owner(owner, "SHELF_SERVICE_URL", shelf.clock.now())
    };
    claim("stoa").await.unwrap();
    claim("stoa").await.unwrap();
    shelf
        .database
        .hand_over("shelf-service", shelf.clock.now())
        .await
        .unwrap();
    let refused = claim("stoa").await.unwrap_err();
    assert!(matches!(&refused, OwnerError::HandedOver { to, .. } if to == "shelf-service"));
    assert!(refused.to_string().contains("set SHELF_SERVICE_URL"));
    claim("shelf-service").await.unwrap();
    shelf.database.hand_over("stoa", shelf.clock.now()).await.unwrap();
    assert!(claim("shelf-service").await.is_err());
    claim("stoa").await.unwrap();
}

async fn a_fresh_schema_lacks_nothing_once_migrated(shelf: Shelf) {
    // `open` has migrated it; a second time and two at a time do no harm.
    let (one, two) = tokio::join!(shelf::migrate(&shelf.database), shelf::migrate(&shelf.database));
    one.unwrap();
    two.unwrap();
    assert!(shelf::pending(&shelf.database).await.unwrap().is_empty());
}

async fn housekeeping_forgets_what_is_old(shelf: Shelf) {
    let goods = shelf.with_goods("tea", 10).await;
    let event = shelf.event();
    shelf.store.take_for("till", goods.id, event.clone()).await.unwrap();
    purge(&shelf).await;
    assert!(!shelf.store.take_for("till", goods.id, event.clone()).await.unwrap());
    shelf.clock.advance(Duration::from_hours(9 * 24));
    purge(&shelf).await;
    assert!(shelf.store.take_for("till", goods.id, event).await.unwrap());
}

async fn purge(shelf: &Shelf) {
    match &shelf.database {
        Database::Sqlite(database) => database.purge(shelf.clock.now()).await.unwrap(),
        Database::Postgres(database) => database.purge(shelf.clock.now()).await.unwrap(),
    }
}
