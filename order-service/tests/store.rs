//! The store suite: every method of [`OrderStore`](order_service::store::OrderStore), on both engines.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use order_api::{OrderState, OrderStatus};
use order_service::order::{Change, NewOrder, Occasion, OrderLine, Outcome, Reason, Snapshot, StoredOrder};
use order_service::store::{Claim, Inserted, ListOrders, Postponed};
use platform_clock::Clock;
use platform_sql::idempotency::IdempotencyKey;
use product_api::{Refusal, ShortItem};
use values::{Currency, Money, OrderId, Sku, UserId};

use crate::support::{Books, lines, open};

platform_sql::stores!(
    "orders",
    open,
    [
        an_order_is_found_as_it_was_inserted,
        an_order_is_found_for_its_owner_alone,
        a_key_that_was_used_gives_the_order_it_was_used_for,
        the_same_insert_again_is_the_same_order,
        of_twins_that_race_one_is_inserted_and_the_others_meet_it,
        numbers_rise,
        a_change_is_written_with_its_lines_and_its_event,
        a_change_of_another_version_does_nothing,
        of_changes_that_race_one_wins,
        many_orders_change_at_once,
        a_refusal_is_read_back,
        money_that_came_and_went_is_read_back,
        an_order_at_rest_is_never_leased,
        what_is_due_is_leased_once,
        many_workers_lease_different_orders,
        a_pause_is_noted_unless_the_order_changed,
        all_open_orders_become_due,
        orders_that_wait_for_an_answer_become_due,
        a_history_is_paged_newest_first,
        a_history_is_filtered_by_status,
        records_count_the_events,
        an_order_of_a_hundred_lines_fits,
        a_list_is_counted,
        a_key_is_claimed_for_one_thing,
        a_store_checks_its_schema,
    ]
);

impl Books {
    /// An order of two products that is not in the books yet.
    fn new_order(&self, user_id: UserId, key: &str) -> NewOrder {
        let now = self.clock.now();
        NewOrder {
            id: OrderId::from(self.clock.new_id()),
            user_id,
            idempotency_key: key.to_owned(),
            request_hash: [7; 32],
            provider: "none",
            lines: lines(&[(self.clock.new_id().into(), 2), (self.clock.new_id().into(), 3)]),
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
            created_at: now,
            next_attempt_at: now.plus(Duration::from_secs(3)),
            deadline_at: now.plus(Duration::from_mins(10)),
        }
    }

    fn occasion(&self) -> Occasion {
        let now = self.clock.now();
        Occasion {
            now,
            lease_until: now.plus(Duration::from_secs(3)),
            event_id: self.clock.new_id(),
        }
    }

    /// An order in the books.
    async fn with_order(&self, user: UserId, key: &str) -> StoredOrder {
        let new = Arc::new(self.new_order(user, key));
        match self.store.insert(new.clone()).await.unwrap() {
            Inserted::New { number } => new.stored(number),
            Inserted::Known(known) => panic!("the key is used for {known:?}"),
        }
    }

    /// An order whose change won.
    async fn moved(&self, order: &StoredOrder, to: OrderState, outcome: Outcome) -> StoredOrder {
        let change = Change::new(order, to, outcome, self.occasion());
        assert!(self.store.change(change.clone()).await.unwrap());
        StoredOrder::clone(&change.order)
    }

    async fn found(&self, id: OrderId) -> StoredOrder {
        self.store.find(id, None).await.unwrap().unwrap()
    }

    async fn events(&self) -> Vec<String> {
        let pending = self.database.outbox().pending(100).await.unwrap();
        pending.into_iter().map(|pending| pending.event.kind).collect()
    }
}

fn priced(order: &StoredOrder) -> Vec<OrderLine> {
    let lines = order.lines.iter().map(|line| OrderLine {
        snapshot: Some(Snapshot {
            sku: Sku::try_from(format!("sku of {}", line.product_id)).unwrap(),
            name: "A \"thing\"".to_owned(),
            unit_price: Money::new(150, Currency::USD).unwrap(),
        }),
        ..line.clone()
    });
    lines.collect()
}

fn sold(order: &StoredOrder) -> Outcome {
    Outcome {
        lines: Some(priced(order)),
        ..Outcome::default()
    }
}

fn everything(limit: u32) -> ListOrders {
    ListOrders {
        owner: None,
        status: None,
        before: None,
        limit,
    }
}

async fn an_order_is_found_as_it_was_inserted(books: Books) {
    let order = books.with_order(books.user(), "k").await;
    assert_eq!(books.found(order.id).await, order);
    assert_eq!(books.store.find(books.clock.new_id().into(), None).await.unwrap(), None);
}

async fn an_order_is_found_for_its_owner_alone(books: Books) {
    let (owner, stranger) = (books.user(), books.user());
    let order = books.with_order(owner, "k").await;
    assert!(books.store.find(order.id, Some(owner)).await.unwrap().is_some());
    assert!(books.store.find(order.id, Some(stranger)).await.unwrap().is_none());
}

async fn a_key_that_was_used_gives_the_order_it_was_used_for(books: Books) {
    let user = books.user();
    let order = books.with_order(user, "k").await;
    let again = Arc::new(books.new_order(user, "k"));
    let Inserted::Known(known) = books.store.insert(again).await.unwrap() else {
        panic!("inserted twice");
    };
    assert_eq!(*known, order);
    // Another user's key of the same name is another key.
    books.with_order(books.user(), "k").await;
    assert_eq!(books.store.list(&everything(10)).await.unwrap().len(), 2);
}

async fn the_same_insert_again_is_the_same_order(books: Books) {
    let new = Arc::new(books.new_order(books.user(), "k"));
    let first = books.store.insert(new.clone()).await.unwrap();
    assert_eq!(books.store.insert(new).await.unwrap(), first);
}

async fn of_twins_that_race_one_is_inserted_and_the_others_meet_it(books: Books) {
    let user = books.user();
    let inserts = (0..50).map(|_| books.store.insert(Arc::new(books.new_order(user, "k"))));
    let (mut new, mut known) = (0, HashSet::new());
    for inserted in join_all(inserts).await {
        match inserted.unwrap() {
            Inserted::New { .. } => new += 1,
            Inserted::Known(order) => drop(known.insert(order.id)),
        }
    }
    assert_eq!((new, known.len()), (1, 1));
}

async fn numbers_rise(books: Books) {
    let user = books.user();
    let mut last = 0;
    for key in ["a", "b", "c"] {
        let number = books.with_order(user, key).await.number;
        assert!(number > last);
        last = number;
    }
}

async fn a_change_is_written_with_its_lines_and_its_event(books: Books) {
    let order = books.with_order(books.user(), "k").await;
    books.clock.advance(Duration::from_secs(1));
    let paid = books.moved(&order, OrderState::Paid, sold(&order)).await;
    assert_eq!(paid.total, Some(Money::new(750, Currency::USD).unwrap()));
    assert_eq!(paid.confirmed_at, Some(books.clock.now()));
    assert_eq!(books.found(order.id).await, paid);
    let pending = books.database.outbox().pending(10).await.unwrap();
    let event = &pending.first().unwrap().event;
    assert_eq!(
        (event.kind.as_str(), &event.subject),
        ("order.confirmed.v1", &order.id.to_string())
    );
    assert_eq!(event.traceparent, order.traceparent);
}

async fn a_change_of_another_version_does_nothing(books: Books) {
    let order = books.with_order(books.user(), "k").await;
    let cancelling = books.moved(&order, OrderState::Cancelling, Outcome::default()).await;
    let late = Change::new(&order, OrderState::Paid, sold(&order), books.occasion());
    assert!(!books.store.change(late).await.unwrap());
    assert_eq!(books.found(order.id).await, cancelling);
    assert!(books.events().await.is_empty());
}

async fn of_changes_that_race_one_wins(books: Books) {
    let order = books.with_order(books.user(), "k").await;
    let changes = (0..20).map(|_| {
        let change = Change::new(&order, OrderState::Paid, sold(&order), books.occasion());
        books.store.change(change)
    });
    let won = join_all(changes)
        .await
        .into_iter()
        .filter(|won| *won.as_ref().unwrap())
        .count();
    assert_eq!(won, 1);
    assert_eq!(books.events().await, ["order.confirmed.v1"]);
}

async fn many_orders_change_at_once(books: Books) {
    let user = books.user();
    let keys: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let orders = join_all(keys.iter().map(|key| books.with_order(user, key))).await;
    let paid = join_all(
        orders
            .iter()
            .map(|order| books.moved(order, OrderState::Paid, sold(order))),
    )
    .await;
    for order in paid {
        assert_eq!(books.found(order.id).await, order);
    }
    assert_eq!(books.events().await.len(), 40);
}

async fn a_refusal_is_read_back(books: Books) {
    let order = books.with_order(books.user(), "k").await;
    let short = ShortItem {
        product_id: order.lines.first().unwrap().product_id,
        requested: 2,
        available: 1,
    };
    let outcome = Outcome {
        refusal: Some(Refusal::InsufficientStock { items: vec![short] }),
        reason: Some(Reason::InsufficientStock),
        ..Outcome::default()
    };
    let rejected = books.moved(&order, OrderState::Rejected, outcome).await;
    assert_eq!(books.found(order.id).await, rejected);
    assert_eq!(books.events().await, ["order.rejected.v1"]);
}

async fn money_that_came_and_went_is_read_back(books: Books) {
    let order = books.with_order(books.user(), "k").await;
    let confirmed = books.moved(&order, OrderState::Confirmed, sold(&order)).await;
    let captured = Outcome {
        captured: true,
        ..Outcome::default()
    };
    let paid = books.moved(&confirmed, OrderState::Paid, captured).await;
    let cancel = Outcome {
        cancel_requested: true,
        reason: Some(Reason::CancelRequested),
        ..Outcome::default()
    };
    let refunding = books.moved(&paid, OrderState::Refunding, cancel).await;
    let refunded = Outcome {
        refunded: true,
        ..Outcome::default()
    };
    let refunded = books.moved(&refunding, OrderState::Refunded, refunded).await;
    assert_eq!(
        (refunded.captured, refunded.refunded, refunded.cancel_requested),
        (750, 750, true)
    );
    assert_eq!(books.found(order.id).await, refunded);
    assert_eq!(
        books.events().await,
        ["order.confirmed.v1", "order.paid.v1", "order.cancelled.v1"]
    );
}

async fn an_order_at_rest_is_never_leased(books: Books) {
    let order = books.with_order(books.user(), "k").await;
    books.moved(&order, OrderState::Paid, sold(&order)).await;
    books.clock.advance(Duration::from_hours(1));
    let now = books.clock.now();
    assert!(
        books
            .store
            .lease_due(now, now.plus(Duration::from_secs(3)), 10)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn what_is_due_is_leased_once(books: Books) {
    let order = books.with_order(books.user(), "k").await;
    let lease = Duration::from_secs(3);
    let now = books.clock.now();
    assert!(
        books
            .store
            .lease_due(now, now.plus(lease), 10)
            .await
            .unwrap()
            .is_empty(),
        "its worker has it"
    );
    books.clock.advance(lease);
    let now = books.clock.now();
    let leased = books.store.lease_due(now, now.plus(lease), 10).await.unwrap();
    let [leased] = leased.as_slice() else {
        panic!("{leased:?}")
    };
    assert_eq!(
        (leased.id, leased.version, leased.next_attempt_at),
        (order.id, order.version, Some(now.plus(lease)))
    );
    assert!(
        books
            .store
            .lease_due(now, now.plus(lease), 10)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn many_workers_lease_different_orders(books: Books) {
    let user = books.user();
    let keys: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    join_all(keys.iter().map(|key| books.with_order(user, key))).await;
    books.clock.advance(Duration::from_secs(3));
    let now = books.clock.now();
    let leases = (0..6).map(|_| books.store.lease_due(now, now.plus(Duration::from_secs(3)), 10));
    let mut leased: Vec<OrderId> = Vec::new();
    for lease in join_all(leases).await {
        leased.extend(lease.unwrap().iter().map(|order| order.id));
    }
    let rest = books
        .store
        .lease_due(now, now.plus(Duration::from_secs(3)), 100)
        .await
        .unwrap();
    leased.extend(rest.iter().map(|order| order.id));
    assert_eq!(leased.len(), 30);
    assert_eq!(leased.iter().collect::<HashSet<_>>().len(), 30);
}

async fn a_pause_is_noted_unless_the_order_changed(books: Books) {
    let order = books.with_order(books.user(), "k").await;
    let next_attempt_at = books.clock.now().plus(Duration::from_millis(70));
    let pause = Postponed {
        id: order.id,
        version: order.version,
        attempts: 4,
        next_attempt_at,
        last_error: "no answer in time".to_owned(),
    };
    books.store.postpone(pause.clone()).await.unwrap();
    let found = books.found(order.id).await;
    assert_eq!(
        (found.attempts, found.next_attempt_at, found.version),
        (4, Some(next_attempt_at), order.version)
    );
    let paid = books.moved(&found, OrderState::Paid, sold(&order)).await;
    books.store.postpone(pause).await.unwrap();
    assert_eq!(books.found(order.id).await, paid);
}

async fn orders_that_wait_for_an_answer_become_due(books: Books) {
    let user = books.user();
    let (waits, runs) = (books.with_order(user, "a").await, books.with_order(user, "b").await);
    let now = books.clock.now();
    let pause = Postponed {
        id: waits.id,
        version: waits.version,
        attempts: 1,
        next_attempt_at: now.plus(Duration::from_secs(30)),
        last_error: "no answer in time".to_owned(),
    };
    books.store.postpone(pause).await.unwrap();
    assert_eq!(books.store.make_postponed_due(now).await.unwrap(), 1);
    let lease = books.store.lease_due(now, now.plus(Duration::from_secs(3)), 10);
    let due: Vec<_> = lease.await.unwrap().iter().map(|order| order.id).collect();
    assert_eq!(due, [waits.id], "and not {}", runs.id);
}

async fn all_open_orders_become_due(books: Books) {
    let user = books.user();
    let (open, rests) = (books.with_order(user, "a").await, books.with_order(user, "b").await);
    books.moved(&rests, OrderState::Paid, sold(&rests)).await;
    let now = books.clock.now();
    assert_eq!(books.store.make_open_due(now).await.unwrap(), 1);
    let due = books
        .store
        .lease_due(now, now.plus(Duration::from_secs(3)), 10)
        .await
        .unwrap();
    assert_eq!(due.iter().map(|order| order.id).collect::<Vec<_>>(), [open.id]);
    assert_eq!(
        books.store.is_exclusive(),
        matches!(books.database, platform_sql::Database::Sqlite(_))
    );
}

async fn a_history_is_paged_newest_first(books: Books) {
    let (user, other) = (books.user(), books.user());
    let mut newest_first = Vec::new();
    for key in ["a", "b", "c"] {
        books.clock.advance(Duration::from_millis(2));
        newest_first.insert(0, books.with_order(user, key).await);
    }
    books.clock.advance(Duration::from_millis(2));
    let others = books.with_order(other, "a").await;
    let own = ListOrders {
        owner: Some(user),
        ..everything(2)
    };
    let page = books.store.list(&own).await.unwrap();
    assert_eq!(page, newest_first[..2]);
    let next = ListOrders {
        before: Some(page[1].id),
        ..own
    };
    assert_eq!(books.store.list(&next).await.unwrap(), newest_first[2..]);
    let all = books.store.list(&everything(10)).await.unwrap();
    assert_eq!((all.len(), &all[0]), (4, &others));
}

async fn a_history_is_filtered_by_status(books: Books) {
    let user = books.user();
    let pending = books.with_order(user, "a").await;
    let other = books.with_order(user, "b").await;
    let cancelling = books.moved(&other, OrderState::Cancelling, Outcome::default()).await;
    let other = books.with_order(user, "c").await;
    let rejected = books.moved(&other, OrderState::Rejected, Outcome::default()).await;
    let ids = async |status| {
        let query = ListOrders {
            owner: Some(user),
            status,
            ..everything(10)
        };
        let mut ids: Vec<OrderId> = books
            .store
            .list(&query)
            .await
            .unwrap()
            .iter()
            .map(|order| order.id)
            .collect();
        ids.sort();
        ids
    };
    let mut open = vec![pending.id, cancelling.id];
    open.sort();
    assert_eq!(ids(Some(OrderStatus::Pending)).await, open);
    assert_eq!(ids(None).await, open, "rejected ones are left out unless asked for");
    assert_eq!(ids(Some(OrderStatus::Rejected)).await, [rejected.id]);
    assert!(ids(Some(OrderStatus::Cancelled)).await.is_empty());
}

async fn records_count_the_events(books: Books) {
    let user = books.user();
    let first = books.with_order(user, "a").await;
    books.clock.advance(Duration::from_millis(2));
    let second = books.with_order(user, "b").await;
    let confirmed = books.moved(&first, OrderState::Confirmed, sold(&first)).await;
    books
        .moved(
            &confirmed,
            OrderState::Paid,
            Outcome {
                captured: true,
                ..Outcome::default()
            },
        )
        .await;
    let records = books.store.records_after(None, 10).await.unwrap();
    assert_eq!(
        records.iter().map(|record| record.id).collect::<Vec<_>>(),
        [first.id, second.id]
    );
    let record = records.first().unwrap();
    assert_eq!(
        (record.events.confirmed, record.events.paid, record.events.rejected),
        (1, 1, 0)
    );
    assert_eq!((record.captured, record.total, record.lines.len()), (750, Some(750), 2));
    let after = books.store.records_after(Some(first.id), 10).await.unwrap();
    assert_eq!(
        after,
        books
            .store
            .records_of(&[second.id, books.clock.new_id().into()])
            .await
            .unwrap()
    );
    assert_eq!(after.len(), 1);
}

async fn an_order_of_a_hundred_lines_fits(books: Books) {
    let mut new = books.new_order(books.user(), "k");
    let wanted: Vec<_> = (0..100).map(|_| (books.clock.new_id().into(), 1000)).collect();
    new.lines = crate::support::lines(&wanted);
    let new = Arc::new(new);
    let Inserted::New { number } = books.store.insert(new.clone()).await.unwrap() else {
        panic!("the key is new");
    };
    let order = new.stored(number);
    let paid = books.moved(&order, OrderState::Paid, sold(&order)).await;
    assert_eq!(books.found(order.id).await, paid);
}

async fn a_list_is_counted(books: Books) {
    let (user, other) = (books.user(), books.user());
    books.with_order(user, "a").await;
    let rejected = books.with_order(user, "b").await;
    books.moved(&rejected, OrderState::Rejected, Outcome::default()).await;
    books.with_order(other, "a").await;
    assert_eq!(books.store.count(Some(user), None).await.unwrap(), 1);
    assert_eq!(
        books
            .store
            .count(Some(user), Some(OrderStatus::Rejected))
            .await
            .unwrap(),
        1
    );
    assert_eq!(books.store.count(None, None).await.unwrap(), 2);
}

async fn a_key_is_claimed_for_one_thing(books: Books) {
    let key = |meaning: u8| IdempotencyKey {
        caller: "somebody".to_owned(),
        route: "POST /api/orders/{id}/cancel".to_owned(),
        key: "k".to_owned(),
        request_hash: vec![meaning],
    };
    let now = books.clock.now();
    let claims = join_all((0..8).map(|_| books.store.claim_key(key(1), now))).await;
    let fresh = claims
        .iter()
        .filter(|claim| *claim.as_ref().unwrap() == Claim::Fresh)
        .count();
    assert_eq!(fresh, 1);
    assert_eq!(books.store.claim_key(key(1), now).await.unwrap(), Claim::Replayed);
    assert_eq!(books.store.claim_key(key(2), now).await.unwrap(), Claim::Reused);
}

async fn a_store_checks_its_schema(books: Books) {
    assert!(books.store.check().await.is_ok());
}
