//! The pattern that every service copies, on both engines.

use std::sync::Arc;

use futures::future::join_all;
use platform_sql::Database;

use crate::shelf::{Shelf, ShelfError, open};

platform_sql::stores!(
    "shelf",
    open,
    [
        what_was_put_is_found,
        a_label_that_is_taken_is_told_from_other_faults,
        a_refused_unit_leaves_nothing_behind,
        the_last_one_is_sold_once,
        what_is_appended_waits_in_the_outbox,
    ]
);

async fn what_was_put_is_found(shelf: Shelf) {
    let goods = shelf.with_goods("tea", 3).await;
    assert_eq!(shelf.store.find(goods.id).await.unwrap(), Some(goods));
}

async fn a_label_that_is_taken_is_told_from_other_faults(shelf: Shelf) {
    let mut goods = shelf.with_goods("tea", 3).await;
    let same_id = shelf.store.put(goods.clone()).await;
    goods.id = platform_clock::Clock::new_id(&shelf.clock);
    let same_label = shelf.store.put(goods).await;
    assert!(matches!(same_label, Err(ShelfError::LabelTaken)));
    assert!(same_id.is_err());
}

async fn a_refused_unit_leaves_nothing_behind(shelf: Shelf) {
    let goods = shelf.with_goods("tea", 3).await;
    let refused = shelf.store.take(goods.id, 4, shelf.event()).await;
    assert!(matches!(refused, Err(ShelfError::NotEnough)));
    assert_eq!(shelf.store.find(goods.id).await.unwrap().unwrap().on_hand, 3);
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
    let event = shelf.event();
    shelf.store.take(goods.id, 1, event.clone()).await.unwrap();
    let (outbox, wake) = match &shelf.database {
        Database::Sqlite(database) => (database.outbox(), database.wake()),
        Database::Postgres(database) => (database.outbox(), database.wake()),
    };
    wake.woken().await;
    let pending = outbox.pending(10).await.unwrap();
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].event, event);
    outbox.mark_published(&[pending[0].seq], event.time).await.unwrap();
    assert_eq!(outbox.backlog(10).await.unwrap(), 0);
}
