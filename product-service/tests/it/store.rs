//! The store suite: every method of the catalogue's store, on both engines.

use std::sync::Arc;

use platform_clock::{Clock, SystemClock};
use platform_events::Event;
use platform_sql::Database;
use platform_sql::idempotency::{IdempotencyKey, StoredAnswer};
use product_api::events::{ProductChanged, StockChanged};
use product_api::{Product, View};
use product_service::SCHEMA;
use product_service::store::{
    Answered, BatchOutcome, BatchRow, ChangedAt, Family, Field, Identity, ListQuery, Once, Order, StockChange,
    StoreError, Stores,
};
use uuid::Uuid;
use values::{Money, Timestamp};

use crate::samples::{act, all, create, find, full_product, now, options, product, record, sku, usd, variant};

pub(crate) async fn open(database: Database) -> Stores {
    open_with(database, Arc::new(SystemClock)).await
}

pub(crate) async fn open_with(database: Database, clock: Arc<dyn Clock>) -> Stores {
    database.migrate(&SCHEMA).await.unwrap();
    Stores::new(database, clock)
}

platform_sql::stores!(
    "product",
    open,
    [
        a_product_reads_back_as_it_was_written,
        what_is_unpublished_is_an_admins_alone,
        many_are_found_at_once,
        a_sku_is_unique_among_the_living,
        members_of_a_family_differ_in_their_options,
        an_update_replaces_all_but_stock_and_raises_the_version,
        an_update_of_another_version_changes_nothing,
        updates_at_once_leave_the_tags_of_the_last_one,
        what_is_deleted_cannot_be_written_any_more,
        stock_is_changed_by_a_number_or_to_a_number,
        a_key_makes_a_write_happen_once,
        a_refusal_is_kept_as_the_answer_to_its_key,
        every_write_tells_the_others,
        changes_come_in_order_and_none_is_skipped,
        an_export_walks_by_id_with_families,
        a_batch_creates_and_updates,
        a_second_batch_of_the_same_changes_nothing,
        a_sku_of_another_product_is_replaced,
        a_bad_row_of_a_batch_fails_alone,
        a_batch_sets_stock_only_if_told_to,
        a_row_may_stand_twice_in_a_batch,
        what_a_row_does_not_say_is_kept,
        a_new_product_needs_name_price_and_stock,
        an_existing_product_keeps_its_sku_where_the_wanted_one_is_taken,
        a_refused_row_does_not_change_its_family,
    ]
);

async fn a_product_reads_back_as_it_was_written(stores: Stores) {
    for wanted in [product("a", "Lamp"), full_product("b")] {
        let created = stores.products.create(record(&wanted), act(), None).await.unwrap();
        assert_eq!(now(created), wanted);
        assert_eq!(find(&stores, &wanted).await, wanted);
    }
}

async fn what_is_unpublished_is_an_admins_alone(stores: Stores) {
    let hidden = full_product("a");
    create(&stores, &hidden).await;
    assert_eq!(stores.products.find(hidden.id, View::Public).await.unwrap(), None);
    assert!(stores.products.find(hidden.id, View::Admin).await.unwrap().is_some());
}

async fn many_are_found_at_once(stores: Stores) {
    let (one, two, hidden) = (product("1", "One"), product("2", "Two"), full_product("3"));
    for product in [&one, &two, &hidden] {
        create(&stores, product).await;
    }
    let ids = [one.id, hidden.id, two.id, Uuid::nil().into()];
    let mut found = stores.products.find_many(&ids, View::Public).await.unwrap();
    found.sort_by(|a, b| a.sku.cmp(&b.sku));
    assert_eq!(found, [one, two]);
    assert_eq!(stores.products.find_many(&ids, View::Admin).await.unwrap().len(), 3);
    assert!(stores.products.find_many(&[], View::Admin).await.unwrap().is_empty());
}

async fn a_sku_is_unique_among_the_living(stores: Stores) {
    let first = product("a", "First");
    create(&stores, &first).await;
    let refused = stores
        .products
        .create(record(&product("a", "Second")), act(), None)
        .await;
    assert!(matches!(refused, Err(StoreError::SkuTaken)));
    stores.products.delete(first.id, None, act()).await.unwrap();
    create(&stores, &product("a", "Second")).await;
    let third = product("b", "Third");
    create(&stores, &third).await;
    let stolen = Product { sku: sku("a"), ..third };
    let refused = stores.products.update(record(&stolen), None, act()).await;
    assert!(matches!(refused, Err(StoreError::SkuTaken)));
}

async fn members_of_a_family_differ_in_their_options(stores: Stores) {
    create(&stores, &variant("s", "shirt", "S")).await;
    create(&stores, &variant("m", "shirt", "M")).await;
    create(&stores, &variant("hat-s", "hat", "S")).await;
    let refused = stores
        .products
        .create(record(&variant("s2", "shirt", "S")), act(), None)
        .await;
    assert!(matches!(refused, Err(StoreError::OptionsTaken)));
    // A twin in both is told of its sku.
    let twin = record(&variant("s", "shirt", "S"));
    let refused = stores.products.create(twin, act(), None).await;
    assert!(matches!(refused, Err(StoreError::SkuTaken)));
    let (one, two) = (product("x", "X"), product("y", "Y"));
    create(&stores, &one).await;
    create(&stores, &two).await;
}

async fn an_update_replaces_all_but_stock_and_raises_the_version(stores: Stores) {
    let before = product("a", "Before");
    create(&stores, &before).await;
    let wanted = Product {
        id: before.id,
        stock: Some(99),
        ..full_product("b")
    };
    let updated = stores.products.update(record(&wanted), Some(1), act()).await.unwrap();
    let expected = Product {
        version: 2,
        stock: before.stock,
        created_at: before.created_at,
        updated_at: updated.updated_at,
        ..wanted
    };
    assert!(updated.updated_at > before.updated_at);
    assert_eq!(updated, expected);
    assert_eq!(find(&stores, &before).await, expected);
}

async fn an_update_of_another_version_changes_nothing(stores: Stores) {
    let before = product("a", "Before");
    create(&stores, &before).await;
    let wanted = Product {
        name: "After".to_owned(),
        ..before.clone()
    };
    let refused = stores.products.update(record(&wanted), Some(2), act()).await;
    assert!(matches!(refused, Err(StoreError::VersionMismatch)));
    let refused = stores.products.delete(before.id, Some(2), act()).await;
    assert!(matches!(refused, Err(StoreError::VersionMismatch)));
    assert_eq!(find(&stores, &before).await, before);
}

/// Tags are taken away by what the row says they are.
async fn updates_at_once_leave_the_tags_of_the_last_one(stores: Stores) {
    let before = product("a", "Before");
    create(&stores, &before).await;
    let tagged = |number: usize| Product {
        tags: vec!["all".to_owned(), format!("of {number}")],
        published: number.is_multiple_of(2),
        ..before.clone()
    };
    let updates = (0..24).map(|number| {
        let (stores, wanted) = (stores.clone(), tagged(number));
        tokio::spawn(async move { stores.products.update(record(&wanted), None, act()).await.unwrap() })
    });
    for updated in updates.collect::<Vec<_>>() {
        updated.await.unwrap();
    }
    let listed = async |tag: &str| {
        let query = ListQuery {
            tag: Some(tag.to_owned()),
            view: View::Admin,
            ..all(Order::Newest)
        };
        stores.products.list(&query).await.unwrap().len()
    };
    let last = find(&stores, &before).await;
    assert_eq!((last.version, listed("all").await), (25, 1));
    for number in 0..24 {
        let tag = format!("of {number}");
        assert_eq!(listed(&tag).await, usize::from(last.tags.contains(&tag)), "{tag}");
    }
    stores.products.delete(before.id, None, act()).await.unwrap();
    assert_eq!((listed("all").await, listed(&last.tags[1]).await), (0, 0));
}

async fn what_is_deleted_cannot_be_written_any_more(stores: Stores) {
    let gone = product("a", "Gone");
    create(&stores, &gone).await;
    stores.products.delete(gone.id, Some(1), act()).await.unwrap();
    assert_eq!(stores.products.find(gone.id, View::Admin).await.unwrap(), None);
    let refused = stores.products.update(record(&gone), None, act()).await;
    assert!(matches!(refused, Err(StoreError::NotFound)));
    let refused = stores.products.delete(gone.id, None, act()).await;
    assert!(matches!(refused, Err(StoreError::NotFound)));
    let refused = change(&stores, &gone, StockChange::Delta(1)).await;
    assert!(matches!(refused, Err(StoreError::NotFound)));
}

async fn change(stores: &Stores, product: &Product, change: StockChange) -> Result<Option<i64>, StoreError> {
    let answered = stores
        .products
        .change_stock(product.id, change, "test".to_owned(), act(), None)
        .await?;
    Ok(now(answered).stock)
}

async fn stock_is_changed_by_a_number_or_to_a_number(stores: Stores) {
    let shelf = product("a", "Shelf");
    create(&stores, &shelf).await;
    assert_eq!(change(&stores, &shelf, StockChange::Delta(-4)).await.unwrap(), Some(6));
    let refused = change(&stores, &shelf, StockChange::Delta(-7)).await;
    assert!(matches!(refused, Err(StoreError::Insufficient { available: 6 })));
    assert_eq!(
        change(&stores, &shelf, StockChange::Set(Some(2))).await.unwrap(),
        Some(2)
    );
    assert_eq!(change(&stores, &shelf, StockChange::Set(None)).await.unwrap(), None);
    let refused = change(&stores, &shelf, StockChange::Delta(1)).await;
    assert!(matches!(refused, Err(StoreError::NotCounted)));
    assert_eq!(
        change(&stores, &shelf, StockChange::Set(Some(0))).await.unwrap(),
        Some(0)
    );
    let refused = change(&stores, &shelf, StockChange::Delta(-1)).await;
    assert!(matches!(refused, Err(StoreError::Insufficient { available: 0 })));
    assert_eq!(find(&stores, &shelf).await.version, 1, "the catalogue did not change");
}

fn once(key: &str, meaning: u8) -> Once {
    Once {
        key: IdempotencyKey {
            caller: "admin".to_owned(),
            route: "POST /x".to_owned(),
            key: key.to_owned(),
            request_hash: vec![meaning],
        },
        render: |product| StoredAnswer {
            status: 201,
            headers: Vec::new(),
            body: product.stock.unwrap_or(-1).to_string().into_bytes(),
        },
    }
}

async fn a_key_makes_a_write_happen_once(stores: Stores) {
    let wanted = product("a", "Once");
    let answered = stores
        .products
        .create(record(&wanted), act(), Some(once("k", 1)))
        .await
        .unwrap();
    assert_eq!(now(answered), wanted);
    let again = Product {
        id: product("x", "x").id,
        ..wanted.clone()
    };
    let answered = stores
        .products
        .create(record(&again), act(), Some(once("k", 1)))
        .await
        .unwrap();
    assert!(matches!(answered, Answered::Before(answer) if answer.body == b"10"));
    let refused = stores.products.create(record(&again), act(), Some(once("k", 2))).await;
    assert!(matches!(refused, Err(StoreError::KeyReused)));
    for expected in [true, false] {
        let delta = StockChange::Delta(1);
        let answered = stores
            .products
            .change_stock(wanted.id, delta, "r".to_owned(), act(), Some(once("s", 1)))
            .await;
        assert_eq!(matches!(answered.unwrap(), Answered::Now(_)), expected);
    }
    assert_eq!(find(&stores, &wanted).await.stock, Some(11));
}

async fn a_refusal_is_kept_as_the_answer_to_its_key(stores: Stores) {
    let refusal = |status| StoredAnswer {
        status,
        headers: Vec::new(),
        body: Vec::new(),
    };
    let kept = |meaning, status| {
        stores
            .products
            .remember_refusal(once("k", meaning).key, refusal(status), act())
    };
    assert_eq!(kept(1, 409).await.unwrap(), Answered::Before(refusal(409)));
    assert_eq!(kept(1, 410).await.unwrap(), Answered::Before(refusal(409)));
    assert!(matches!(kept(2, 409).await, Err(StoreError::KeyReused)));
    let answered = stores
        .products
        .create(record(&product("a", "A")), act(), Some(once("k", 1)))
        .await
        .unwrap();
    assert_eq!(answered, Answered::Before(refusal(409)));
}

/// The kinds and data of all events so far.
async fn events(stores: &Stores) -> Vec<Event> {
    let pending = stores.database.outbox().pending(1_000).await.unwrap();
    pending.into_iter().map(|pending| pending.event).collect()
}

async fn every_write_tells_the_others(stores: Stores) {
    let shelf = product("a", "Shelf");
    create(&stores, &shelf).await;
    stores.products.update(record(&shelf), None, act()).await.unwrap();
    change(&stores, &shelf, StockChange::Delta(2)).await.unwrap();
    stores.products.delete(shelf.id, None, act()).await.unwrap();
    let events = events(&stores).await;
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "product.created.v1",
            "product.updated.v1",
            "stock.changed.v1",
            "product.deleted.v1"
        ]
    );
    let versions = [0, 1, 3].map(|at: usize| events[at].data::<ProductChanged>().unwrap().version);
    assert_eq!(versions, [1, 2, 3]);
    let expected = StockChanged {
        product_id: shelf.id,
        available: Some(12),
        seq: 2,
    };
    assert_eq!(events[2].data::<StockChanged>().unwrap(), expected);
}

async fn changes_come_in_order_and_none_is_skipped(stores: Stores) {
    let products: Vec<Product> = (0..7).map(|n| product(&format!("{n}"), "Name")).collect();
    for product in &products {
        create(&stores, product).await;
    }
    stores.products.update(record(&products[0]), None, act()).await.unwrap();
    stores.products.delete(products[1].id, None, act()).await.unwrap();
    let mut after = ChangedAt {
        at: Timestamp::from_micros(i64::MIN),
        id: Uuid::nil(),
    };
    let mut seen = Vec::new();
    loop {
        let page = stores.products.changes(after, 3).await.unwrap();
        let Some((place, _)) = page.last() else { break };
        after = *place;
        seen.extend(page.into_iter().map(|(_, change)| change));
    }
    assert_eq!(seen.len(), 7);
    let last = &seen[6];
    assert_eq!(
        (last.product_id, last.for_sale, last.version),
        (products[1].id, false, 2)
    );
    let before = &seen[5];
    assert_eq!(
        (before.product_id, before.for_sale, before.version),
        (products[0].id, true, 2)
    );
    assert_eq!(
        (before.available, before.stock_seq, before.price),
        (Some(10), 1, usd(1999))
    );
}

async fn an_export_walks_by_id_with_families(stores: Stores) {
    let (one, two) = (product("1", "One"), variant("2", "shirt", "S"));
    create(&stores, &one).await;
    create(&stores, &two).await;
    let first = stores.products.page_by_id(None, 1).await.unwrap();
    let second = stores.products.page_by_id(Some(first[0].product.id), 9).await.unwrap();
    let mut exported = [first, second].concat();
    exported.sort_by(|a, b| a.product.sku.cmp(&b.product.sku));
    assert_eq!((&exported[0].product, &exported[0].family), (&one, &None));
    assert_eq!(
        (&exported[1].product, &exported[1].family),
        (&two, &record(&two).founded_family())
    );
}

fn row(product: &Product) -> BatchRow {
    let identity = if product.family.is_some() {
        Identity::FamilyAndOptions
    } else {
        Identity::Sku
    };
    BatchRow {
        product: product.clone(),
        unsaid: Arc::default(),
        identity,
        fallback_skus: Vec::new(),
        family: None,
        set_stock: false,
    }
}

async fn batch(stores: &Stores, rows: &[BatchRow]) -> Vec<BatchOutcome> {
    stores.products.upsert_batch(rows.into(), act()).await.unwrap()
}

async fn a_batch_creates_and_updates(stores: Stores) {
    let there = product("there", "There");
    create(&stores, &there).await;
    let changed = Product {
        name: "Changed".to_owned(),
        stock: Some(500),
        tags: vec!["sale".to_owned()],
        ..product("there", "x")
    };
    let new: Vec<Product> = (0..250).map(|n| product(&format!("new-{n}"), "New")).collect();
    let family = Family {
        handle: "camisole".to_owned(),
        name: "The Camisole".to_owned(),
        description: "Soft".to_owned(),
        images: Vec::new(),
    };
    let full = BatchRow {
        family: Some(Arc::new(family.clone())),
        ..row(&full_product("full"))
    };
    let mut rows: Vec<BatchRow> = new.iter().map(row).collect();
    rows.push(row(&changed));
    rows.push(full.clone());
    let outcomes = batch(&stores, &rows).await;
    assert!(
        outcomes[..250]
            .iter()
            .all(|outcome| matches!(outcome, BatchOutcome::Created { .. }))
    );
    let updated = BatchOutcome::Updated {
        id: there.id,
        replaced_sku: None,
        changed: true,
    };
    assert_eq!(outcomes[250], updated);
    let found = find(&stores, &there).await;
    let expected = Product {
        id: there.id,
        stock: there.stock,
        version: 2,
        created_at: there.created_at,
        updated_at: found.updated_at,
        ..changed
    };
    assert_eq!(found, expected);
    assert_eq!(find(&stores, &new[249]).await, new[249]);
    assert_eq!(find(&stores, &full.product).await, full.product);
    let exported = stores.products.page_by_id(None, 1_000).await.unwrap();
    assert!(
        exported
            .iter()
            .any(|exported| exported.family.as_ref() == Some(&family))
    );
    assert_eq!(events(&stores).await.len(), 253);
}

async fn a_second_batch_of_the_same_changes_nothing(stores: Stores) {
    let rows: Vec<BatchRow> = vec![
        row(&product("a", "A")),
        row(&variant("b", "shirt", "S")),
        row(&full_product("c")),
    ];
    batch(&stores, &rows).await;
    let told = events(&stores).await.len();
    let outcomes = batch(&stores, &rows).await;
    let unchanged = |outcome: &BatchOutcome| matches!(outcome, BatchOutcome::Updated { changed: false, .. });
    assert!(outcomes.iter().all(unchanged), "{outcomes:?}");
    assert_eq!(events(&stores).await.len(), told);
}

async fn a_sku_of_another_product_is_replaced(stores: Stores) {
    create(&stores, &product("taken", "Owner")).await;
    let mut rows = [
        row(&variant("taken", "shirt", "S")),
        row(&variant("taken", "shirt", "M")),
    ];
    rows[0].fallback_skus = vec![sku("taken"), sku("shirt-s")];
    let outcomes = batch(&stores, &rows).await;
    let BatchOutcome::Created { replaced_sku, .. } = &outcomes[0] else {
        panic!("{outcomes:?}")
    };
    let replaced = replaced_sku.as_ref().unwrap();
    assert_eq!(
        (
            replaced.wanted.as_str(),
            replaced.owner.name.as_str(),
            replaced.used.as_str()
        ),
        ("taken", "Owner", "shirt-s")
    );
    assert_eq!(outcomes[1], BatchOutcome::SkuTaken);
    let again = batch(&stores, &rows).await;
    let unchanged = |outcome: &BatchOutcome| {
        matches!(
            outcome,
            BatchOutcome::Updated {
                replaced_sku: Some(_),
                changed: false,
                ..
            }
        )
    };
    assert!(unchanged(&again[0]), "{again:?}");
}

async fn a_bad_row_of_a_batch_fails_alone(stores: Stores) {
    create(&stores, &variant("s", "shirt", "S")).await;
    let clash = BatchRow {
        identity: Identity::Sku,
        ..row(&variant("other", "shirt", "S"))
    };
    let outcomes = batch(&stores, &[clash, row(&variant("m", "shirt", "M"))]).await;
    assert_eq!(outcomes[0], BatchOutcome::OptionsTaken);
    assert!(matches!(outcomes[1], BatchOutcome::Created { .. }));
}

async fn a_batch_sets_stock_only_if_told_to(stores: Stores) {
    let shelf = product("a", "Shelf");
    create(&stores, &shelf).await;
    let wanted = Product {
        stock: Some(3),
        ..shelf.clone()
    };
    batch(&stores, &[row(&wanted)]).await;
    assert_eq!(find(&stores, &shelf).await.stock, Some(10));
    let outcomes = batch(
        &stores,
        &[BatchRow {
            set_stock: true,
            ..row(&wanted)
        }],
    )
    .await;
    assert!(matches!(outcomes[0], BatchOutcome::Updated { changed: true, .. }));
    let found = find(&stores, &shelf).await;
    assert_eq!((found.stock, found.version), (Some(3), 1));
    assert_eq!(events(&stores).await.last().unwrap().kind, "stock.changed.v1");
}

async fn a_row_may_stand_twice_in_a_batch(stores: Stores) {
    let first = variant("a", "shirt", "S");
    let second = Product {
        sku: sku("b"),
        name: "Second".to_owned(),
        options: options(&[("Size", "S")]),
        ..variant("x", "shirt", "S")
    };
    let outcomes = batch(&stores, &[row(&first), row(&second)]).await;
    assert!(matches!(outcomes[0], BatchOutcome::Created { id, .. } if id == first.id));
    assert!(matches!(outcomes[1], BatchOutcome::Updated { id, changed: true, .. } if id == first.id));
    let found = find(&stores, &first).await;
    assert_eq!((found.sku.as_str(), found.name.as_str()), ("b", "Second"));
}

async fn what_a_row_does_not_say_is_kept(stores: Stores) {
    let there = full_product("a");
    create(&stores, &there).await;
    let dearer = Product {
        price: usd(5),
        ..product("a", "x")
    };
    let all_but_the_price = [
        Field::Sku,
        Field::Name,
        Field::Description,
        Field::Category,
        Field::Tags,
        Field::Vendor,
        Field::Images,
        Field::Family,
        Field::Options,
        Field::CompareAtPrice,
        Field::Stock,
        Field::Published,
        Field::Barcode,
        Field::WeightGrams,
    ];
    let row = BatchRow {
        unsaid: all_but_the_price.into(),
        identity: Identity::Sku,
        ..row(&dearer)
    };
    let outcomes = batch(&stores, std::slice::from_ref(&row)).await;
    assert!(matches!(outcomes[0], BatchOutcome::Updated { changed: true, .. }));
    let found = find(&stores, &there).await;
    let expected = Product {
        price: usd(5),
        version: 2,
        updated_at: found.updated_at,
        ..there.clone()
    };
    assert_eq!(found, expected);
    let mut in_euro = row;
    in_euro.product.price = Money::new(5, "EUR".parse().unwrap()).unwrap();
    batch(&stores, &[in_euro]).await;
    assert_eq!(find(&stores, &there).await.compare_at_price, None, "it was in dollars");
}

async fn a_new_product_needs_name_price_and_stock(stores: Stores) {
    let row = BatchRow {
        unsaid: [Field::Vendor, Field::Price, Field::Stock].into(),
        ..row(&product("a", "A"))
    };
    let outcomes = batch(&stores, &[row]).await;
    assert_eq!(outcomes[0], BatchOutcome::Incomplete(vec![Field::Price, Field::Stock]));
}

async fn an_existing_product_keeps_its_sku_where_the_wanted_one_is_taken(stores: Stores) {
    create(&stores, &product("taken", "Owner")).await;
    let there = variant("mine", "shirt", "S");
    create(&stores, &there).await;
    let mut wanted = row(&variant("taken", "shirt", "S"));
    wanted.fallback_skus = vec![sku("shirt-s")];
    let outcomes = batch(&stores, &[wanted]).await;
    let BatchOutcome::Updated {
        replaced_sku: Some(replaced),
        ..
    } = &outcomes[0]
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!(replaced.used.as_str(), "mine");
    assert_eq!(find(&stores, &there).await.sku.as_str(), "mine");
}

async fn a_refused_row_does_not_change_its_family(stores: Stores) {
    let there = variant("s", "shirt", "S");
    create(&stores, &there).await;
    let clash = BatchRow {
        identity: Identity::Sku,
        family: Some(Arc::new(Family {
            name: "Other".to_owned(),
            ..record(&there).founded_family().unwrap()
        })),
        ..row(&variant("other", "shirt", "S"))
    };
    assert_eq!(batch(&stores, &[clash]).await, [BatchOutcome::OptionsTaken]);
    let exported = stores.products.page_by_id(None, 9).await.unwrap();
    assert_eq!(exported[0].family, record(&there).founded_family());
}
