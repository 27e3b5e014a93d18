//! Orders, from a basket to their end.

use serde_json::{Value, json};

use super::catalogue::path_of;
use crate::shop::Customer;
use crate::visit::{Reply, Unmet, Visit};

/// So many of each product.
fn basket(items: &[(&Value, i64)]) -> Value {
    let items = items
        .iter()
        .map(|(product, quantity)| json!({"product_id": product["id"], "quantity": quantity}));
    json!({"items": items.collect::<Vec<_>>()})
}

async fn order(visit: &Visit<'_>, customer: &Customer, key: &str, basket: &Value) -> Result<Reply, Unmet> {
    visit
        .post("/api/orders")
        .by(customer)
        .key(key)
        .json(basket)
        .send()
        .await
}

/// Asks until the shelf shows so many; what is shown may be a second old.
async fn shelf_shows(visit: &Visit<'_>, product: &Value, expected: i64) -> Result<(), Unmet> {
    let mut shown = Value::Null;
    for _ in 0..60 {
        let seen = visit.get(&path_of(product)).unrecorded().send().await?.expect(200)?;
        shown = seen.body["stock"].clone();
        if shown == expected {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    Err(visit.unmet(format_args!("the shelf shows {shown}, not {expected}")))
}

pub(super) async fn an_order_is_bought_and_repeated(visit: &Visit<'_>) -> Result<(), Unmet> {
    let one = visit
        .create_product(
            "BOUGHT-1",
            json!({"stock": 10, "price": {"amount": 1999, "currency": "USD"}}),
        )
        .await?;
    let two = visit
        .create_product(
            "BOUGHT-2",
            json!({"stock": null, "price": {"amount": 501, "currency": "USD"}}),
        )
        .await?;
    let customer = visit.register("buyer").await?;
    let wanted = basket(&[(&one, 2), (&two, 3)]);
    let bought = order(visit, &customer, "first", &wanted).await?.expect(201)?;
    let bought = bought
        .has("/status", "confirmed")?
        .has("/total", json!({"amount": 5501, "currency": "USD"}))?;
    let path = format!("/api/orders/{}", bought.text("/id")?);
    visit.check(bought.header("location") == path, "no Location")?;
    // The same key, the lines told in another way: the same order.
    let told_otherwise = json!({"items": [
        {"product_id": two["id"], "quantity": 3}, {"product_id": one["id"], "quantity": 1}, {"product_id": one["id"], "quantity": 1},
    ]});
    for body in [&wanted, &told_otherwise] {
        let again = order(visit, &customer, "first", body).await?.expect(201)?;
        visit.check(again.header("idempotent-replayed") == "true", "not marked as a replay")?;
        visit.check(again.body["id"] == bought.body["id"], "another order")?;
    }
    shelf_shows(visit, &one, 8).await?;
    let seen = visit.get(&path).by(&customer).send().await?.expect(200)?;
    visit.check(
        seen.body == bought.body,
        "the order reads otherwise than it was answered",
    )?;
    let unchanged = visit
        .get(&path)
        .by(&customer)
        .header("if-none-match", seen.header("etag"));
    unchanged.send().await?.expect(304)?;

    // What was bought keeps its price and its name.
    visit.delete(&path_of(&two)).admin().send().await?.expect(204)?;
    let kept = visit.get(&path).by(&customer).send().await?.expect(200)?;
    visit.check(
        kept.body["items"] == bought.body["items"],
        "the order changed with the catalogue",
    )
}

pub(super) async fn a_key_means_one_thing(visit: &Visit<'_>) -> Result<(), Unmet> {
    let product = visit.create_product("KEYED", json!({})).await?;
    let customer = visit.register("keyed").await?;
    let wanted = basket(&[(&product, 1)]);
    let without = visit.post("/api/orders").by(&customer).json(&wanted).send().await?;
    without.refused(400, "idempotency_key_required")?;
    let blank = visit
        .post("/api/orders")
        .by(&customer)
        .key("a b\u{e9}")
        .json(&wanted)
        .send()
        .await?;
    blank.expect(400)?;
    order(visit, &customer, "k", &wanted).await?.expect(201)?;
    order(visit, &customer, "k", &basket(&[(&product, 2)]))
        .await?
        .refused(422, "idempotency_key_reused")?;
    let neighbour = visit.register("neighbour").await?;
    let other = order(visit, &neighbour, "k", &wanted).await?.expect(201)?;
    visit.check(
        other.header("idempotent-replayed").is_empty(),
        "a key belongs to its caller",
    )?;
    for wrong in [
        json!({"items": []}),
        json!({"items": [{"product_id": "x", "quantity": 1}]}),
        json!({"items": [{"product_id": product["id"], "quantity": 0}]}),
        json!({"items": [{"product_id": product["id"], "quantity": 1001}]}),
        json!({"items": [{"product_id": product["id"], "quantity": 1, "price": 1}]}),
    ] {
        order(visit, &customer, "wrong", &wrong).await?.expect(422)?;
    }
    // What was refused before it began leaves the key free.
    order(visit, &customer, "wrong", &wanted).await?.expect(201)?;
    Ok(())
}

pub(super) async fn too_little_is_refused_for_ever(visit: &Visit<'_>) -> Result<(), Unmet> {
    let plenty = visit.create_product("PLENTY", json!({"stock": 100})).await?;
    let scarce = visit.create_product("SCARCE", json!({"stock": 2})).await?;
    let customer = visit.register("unlucky").await?;
    let wanted = basket(&[(&plenty, 5), (&scarce, 3)]);
    let refused = order(visit, &customer, "k", &wanted)
        .await?
        .refused(409, "insufficient_stock")?;
    let short = json!([{"product_id": scarce["id"], "requested": 3, "available": 2}]);
    let refused = refused.has("/items", short)?;
    refused.text("/order_id")?;
    let delivery = json!({"delta": 10, "reason": "delivery"});
    let shelf = format!("{}/stock", path_of(&scarce));
    visit.post(&shelf).admin().json(&delivery).send().await?.expect(200)?;
    let again = order(visit, &customer, "k", &wanted)
        .await?
        .refused(409, "insufficient_stock")?;
    visit.check(again.body["order_id"] == refused.body["order_id"], "another order")?;
    visit.check(again.header("idempotent-replayed") == "true", "not marked as a replay")?;
    order(visit, &customer, "again", &wanted).await?.expect(201)?;
    shelf_shows(visit, &plenty, 95).await?;
    shelf_shows(visit, &scarce, 9).await
}

pub(super) async fn what_is_not_for_sale_is_not_sold(visit: &Visit<'_>) -> Result<(), Unmet> {
    let customer = visit.register("hopeful").await?;
    let hidden = visit
        .create_product("NOT-FOR-SALE", json!({"published": false}))
        .await?;
    order(visit, &customer, "hidden", &basket(&[(&hidden, 1)]))
        .await?
        .refused(422, "unknown_product")?;
    let unknown = json!({"id": "019ab2c4-0000-7000-8000-00000000ffff"});
    order(visit, &customer, "unknown", &basket(&[(&unknown, 1)]))
        .await?
        .refused(422, "unknown_product")?;
    let dollars = visit.create_product("DOLLARS", json!({})).await?;
    let euros = visit
        .create_product("EUROS", json!({"price": {"amount": 1, "currency": "EUR"}}))
        .await?;
    let mixed = basket(&[(&dollars, 1), (&euros, 1)]);
    order(visit, &customer, "mixed", &mixed)
        .await?
        .refused(422, "mixed_currency")?;
    let nobody = visit
        .post("/api/orders")
        .key("k")
        .json(&basket(&[(&dollars, 1)]))
        .send()
        .await?;
    nobody.refused(401, "unauthenticated")?;
    Ok(())
}

pub(super) async fn a_cancel_brings_the_goods_back_once(visit: &Visit<'_>) -> Result<(), Unmet> {
    let product = visit.create_product("RETURNED", json!({"stock": 5})).await?;
    let customer = visit.register("fickle").await?;
    let wanted = basket(&[(&product, 3)]);
    let bought = order(visit, &customer, "k", &wanted).await?.expect(201)?;
    let cancel = format!("/api/orders/{}/cancel", bought.text("/id")?);
    let stranger = visit.register("stranger").await?;
    visit
        .post(&cancel)
        .by(&stranger)
        .send()
        .await?
        .refused(404, "not_found")?;
    for _ in 0..3 {
        let cancelled = visit.post(&cancel).by(&customer).send().await?.expect(200)?;
        cancelled.has("/status", "cancelled")?;
        shelf_shows(visit, &product, 5).await?;
    }
    // The replay of the order tells what became of it.
    let replay = order(visit, &customer, "k", &wanted).await?.expect(201)?;
    replay.has("/status", "cancelled")?;
    let second = order(visit, &customer, "k2", &wanted).await?.expect(201)?;
    let cancel = format!("/api/orders/{}/cancel", second.text("/id")?);
    visit
        .post(&cancel)
        .admin()
        .send()
        .await?
        .expect(200)?
        .has("/status", "cancelled")?;
    let refused = order(visit, &customer, "k3", &basket(&[(&product, 9)]))
        .await?
        .expect(409)?;
    let cancel = format!("/api/orders/{}/cancel", refused.text("/order_id")?);
    visit
        .post(&cancel)
        .by(&customer)
        .send()
        .await?
        .refused(409, "not_cancellable")?;
    Ok(())
}

pub(super) async fn somebody_elses_order_is_not_there(visit: &Visit<'_>) -> Result<(), Unmet> {
    let product = visit.create_product("PRIVATE", json!({})).await?;
    let (owner, other) = (visit.register("owner").await?, visit.register("other").await?);
    let bought = order(visit, &owner, "k", &basket(&[(&product, 1)]))
        .await?
        .expect(201)?;
    let path = format!("/api/orders/{}", bought.text("/id")?);
    visit.get(&path).by(&other).send().await?.refused(404, "not_found")?;
    visit.get(&path).send().await?.refused(401, "unauthenticated")?;
    visit.get(&path).admin().send().await?.expect(200)?;
    let own = visit.get("/api/orders").by(&other).send().await?.expect(200)?;
    visit.check(own.each("id").is_empty(), "a list shows somebody else's order")?;
    let asked = format!("/api/orders?user_id={}", owner.id);
    let of_owner = visit.get(&asked).admin().send().await?.expect(200)?;
    visit.check(
        of_owner.each("id") == [bought.body["id"].clone()],
        "an admin sees whose orders they ask for",
    )?;
    visit.get(&asked).by(&other).send().await?.refused(403, "forbidden")?;
    Ok(())
}

pub(super) async fn a_history_has_pages(visit: &Visit<'_>) -> Result<(), Unmet> {
    let product = visit.create_product("HISTORY", json!({"stock": 10})).await?;
    let customer = visit.register("regular").await?;
    let mut placed = Vec::new();
    for key in ["1", "2", "3"] {
        let bought = order(visit, &customer, key, &basket(&[(&product, 1)]))
            .await?
            .expect(201)?;
        placed.insert(0, bought.body["id"].clone());
    }
    let mut numbers = Vec::new();
    let mut seen = Vec::new();
    let mut path = "/api/orders?limit=2".to_owned();
    loop {
        let page = visit.get(&path).by(&customer).send().await?.expect(200)?;
        seen.extend(page.each("id"));
        numbers.extend(page.each("number").iter().filter_map(Value::as_i64));
        let Some(next) = page.body["next_cursor"].as_str() else {
            break;
        };
        path = format!("/api/orders?limit=2&cursor={next}");
    }
    visit.check(seen == placed, "newest first, each once")?;
    visit.check(
        numbers.is_sorted_by(|newer, older| newer > older),
        format_args!("numbers {numbers:?}"),
    )?;
    let confirmed = visit
        .get("/api/orders?status=confirmed")
        .by(&customer)
        .send()
        .await?
        .expect(200)?;
    visit.check(confirmed.each("id") == placed, "status=confirmed")?;
    let cancelled = visit
        .get("/api/orders?status=cancelled")
        .by(&customer)
        .send()
        .await?
        .expect(200)?;
    visit.check(cancelled.each("id").is_empty(), "status=cancelled")?;
    visit
        .get("/api/orders?status=lost")
        .by(&customer)
        .send()
        .await?
        .expect(422)?;
    Ok(())
}

pub(super) async fn a_refused_order_stays_out_of_the_history(visit: &Visit<'_>) -> Result<(), Unmet> {
    let product = visit.create_product("REFUSED", json!({"stock": 1})).await?;
    let customer = visit.register("greedy").await?;
    order(visit, &customer, "k", &basket(&[(&product, 2)]))
        .await?
        .expect(409)?;
    let own = visit.get("/api/orders").by(&customer).send().await?.expect(200)?;
    visit.check(own.each("id").is_empty(), "a rejected order is shown unasked")?;
    let rejected = visit
        .get("/api/orders?status=rejected")
        .by(&customer)
        .send()
        .await?
        .expect(200)?;
    rejected
        .has("/items/0/status", "rejected")?
        .has("/items/0/reason/code", "insufficient_stock")?;
    Ok(())
}

pub(super) async fn a_quote_holds_nothing(visit: &Visit<'_>) -> Result<(), Unmet> {
    let product = visit
        .create_product(
            "QUOTED",
            json!({"stock": 4, "price": {"amount": 250, "currency": "USD"}}),
        )
        .await?;
    let body = basket(&[(&product, 3)]);
    let quote = || visit.post("/api/orders/quote").json(&body).send();
    for _ in 0..2 {
        let quoted = quote().await?.expect(200)?;
        quoted
            .has("/total", json!({"amount": 750, "currency": "USD"}))?
            .has("/items/0/available", 4)?;
    }
    shelf_shows(visit, &product, 4).await
}
