//! The catalogue, one product at a time.

use serde_json::{Value, json};

use crate::visit::{Unmet, Visit};

/// Where a product is.
pub(super) fn path_of(product: &Value) -> String {
    format!("/api/products/{}", product["id"].as_str().unwrap_or_default())
}

/// What can be written of a product.
fn written(product: &Value) -> Value {
    let mut written = product.clone();
    if let Some(members) = written.as_object_mut() {
        for member in ["id", "stock", "version", "created_at", "updated_at"] {
            members.remove(member);
        }
    }
    written
}

pub(super) async fn a_product_is_put_on_sale(visit: &Visit<'_>) -> Result<(), Unmet> {
    let tag = visit.shop.tag();
    let product = json!({
        "sku": format!("{tag}-CAMISOLE-S"), "name": "Delicious camisole", "description": "<p>Soft.</p>",
        "category": format!("{tag} tops"), "tags": ["summer", "silk"], "vendor": "Stoa",
        "images": [{"url": "https://img.example/1.jpg", "alt": "front"}],
        "family": format!("{tag}-camisole"), "options": {"Size": "S", "Color": "Navy"},
        "price": {"amount": 4500, "currency": "USD"}, "compare_at_price": {"amount": 6000, "currency": "USD"},
        "stock": 3, "barcode": "4006381333931", "weight_grams": 120,
    });
    // A value of this program sorts its members; a shop must not.
    let in_order = r#"{"Size":"S","Color":"Navy"}"#;
    let body = product.to_string().replace(r#"{"Color":"Navy","Size":"S"}"#, in_order);
    let created = visit.post("/api/products").admin().body("application/json", body);
    let created = created.send().await?.expect(201)?;
    let path = path_of(&created.body);
    visit.check(created.header("location") == path, "no Location")?;
    let seen = visit.get(&path).send().await?.expect(200)?;
    visit.check(seen.text.contains(in_order), "the order of options is lost")?;
    for (member, value) in product.as_object().into_iter().flatten() {
        visit.check(
            seen.body[member] == *value,
            format_args!("{member} is not what was written"),
        )?;
    }
    let twin = visit.post("/api/products").admin().json(&product).send().await?;
    twin.refused(409, "sku_taken")?;
    let mut variant = product.clone();
    variant["sku"] = json!(format!("{tag}-CAMISOLE-S2"));
    let twin = visit.post("/api/products").admin().json(&variant).send().await?;
    twin.refused(409, "options_taken")?;
    let wrong = json!({"sku": "", "name": "", "price": {"amount": -1, "currency": "USD"}, "stock": -1});
    let refused = visit
        .post("/api/products")
        .admin()
        .json(&wrong)
        .send()
        .await?
        .expect(422)?;
    let faults = refused.faults();
    let expected = ["/name", "/price/amount", "/sku", "/stock"];
    visit.check(faults == expected, format_args!("{faults:?}"))
}

pub(super) async fn a_product_is_created_once_by_its_key(visit: &Visit<'_>) -> Result<(), Unmet> {
    let tag = visit.shop.tag();
    let product =
        json!({"sku": format!("{tag}-ONCE"), "name": "Once", "price": {"amount": 1, "currency": "USD"}, "stock": 1});
    let key = format!("{tag}-once");
    let create = |body: &Value| visit.post("/api/products").admin().key(&key).json(body).send();
    let first = create(&product).await?.expect(201)?;
    let again = create(&product).await?.expect(201)?;
    visit.check(again.header("idempotent-replayed") == "true", "not marked as a replay")?;
    visit.check(again.text == first.text, "the replay differs")?;
    let mut other = product.clone();
    other["name"] = json!("Twice");
    create(&other).await?.refused(422, "idempotency_key_reused")?;
    Ok(())
}

pub(super) async fn a_stale_update_is_refused(visit: &Visit<'_>) -> Result<(), Unmet> {
    let product = visit.create_product("UPDATED", json!({})).await?;
    let path = path_of(&product);
    let tag = visit.get(&path).send().await?.expect(200)?.header("etag").to_owned();
    let mut update = written(&product);
    update["name"] = json!("Renamed");
    let put = |tag: &str, body: &Value| visit.put(&path).admin().header("if-match", tag).json(body).send();
    let renamed = put(&tag, &update)
        .await?
        .expect(200)?
        .has("/name", "Renamed")?
        .has("/version", 2)?;
    put(&tag, &update).await?.refused(412, "precondition_failed")?;
    put(&format!("W/{}", renamed.header("etag")), &update)
        .await?
        .expect(200)?;
    // What one wrote is what one reads, at once.
    visit.get(&path).send().await?.expect(200)?.has("/version", 3)?;
    update["name"] = json!("Without a condition the last one wins");
    visit
        .put(&path)
        .admin()
        .json(&update)
        .send()
        .await?
        .expect(200)?
        .has("/version", 4)?;
    update["stock"] = json!(99);
    let refused = visit.put(&path).admin().json(&update).send().await?;
    refused.refused(422, "stock_not_writable")?;
    Ok(())
}

pub(super) async fn what_was_seen_is_not_sent_again(visit: &Visit<'_>) -> Result<(), Unmet> {
    let product = visit
        .create_product("SEEN", json!({"description": "long ".repeat(400)}))
        .await?;
    let path = path_of(&product);
    let seen = visit.get(&path).send().await?.expect(200)?;
    let unchanged = visit.get(&path).header("if-none-match", seen.header("etag"));
    let unchanged = unchanged.send().await?.expect(304)?;
    visit.check(unchanged.text.is_empty(), "a 304 has a body")?;
    let head = visit.ask(reqwest::Method::HEAD, &path).send().await?.expect(200)?;
    visit.check(head.header("etag") == seen.header("etag"), "HEAD has another tag")?;
    let small = visit
        .get(&path)
        .header("accept-encoding", "gzip")
        .unrecorded()
        .send()
        .await?
        .expect(200)?;
    visit.check(small.header("content-encoding") == "gzip", "not compressed")?;
    let weak = small.header("etag").to_owned();
    visit.check(weak.starts_with("W/"), "compression must weaken the tag")?;
    visit
        .get(&path)
        .header("if-none-match", &weak)
        .send()
        .await?
        .expect(304)?;
    Ok(())
}

pub(super) async fn a_deleted_product_frees_its_sku(visit: &Visit<'_>) -> Result<(), Unmet> {
    let product = visit.create_product("DELETED", json!({})).await?;
    let path = path_of(&product);
    visit
        .delete(&path)
        .admin()
        .header("if-match", "\"9.x\"")
        .send()
        .await?
        .refused(412, "precondition_failed")?;
    visit.delete(&path).admin().send().await?.expect(204)?;
    visit.get(&path).send().await?.refused(404, "not_found")?;
    visit.delete(&path).admin().send().await?.refused(404, "not_found")?;
    visit.create_product("DELETED", json!({})).await?;
    Ok(())
}

pub(super) async fn an_unpublished_product_is_an_admins_alone(visit: &Visit<'_>) -> Result<(), Unmet> {
    let product = visit.create_product("HIDDEN", json!({"published": false})).await?;
    let path = path_of(&product);
    visit.get(&path).send().await?.refused(404, "not_found")?;
    visit
        .get(&path)
        .admin()
        .send()
        .await?
        .expect(200)?
        .has("/published", false)?;
    let customer = visit.register("seeker").await?;
    visit.get(&path).by(&customer).send().await?.refused(404, "not_found")?;
    Ok(())
}

pub(super) async fn customers_do_not_change_the_catalogue(visit: &Visit<'_>) -> Result<(), Unmet> {
    let product = visit.create_product("PROTECTED", json!({})).await?;
    let path = path_of(&product);
    let customer = visit.register("vandal").await?;
    let update = written(&product);
    let shelf = json!({"delta": 5, "reason": "found"});
    for token in [None, Some(&customer)] {
        let (status, code) = if token.is_some() {
            (403, "forbidden")
        } else {
            (401, "unauthenticated")
        };
        for ask in [
            visit.post("/api/products").json(&update),
            visit.put(&path).json(&update),
            visit.post(&format!("{path}/stock")).json(&shelf),
            visit.delete(&path),
            visit.get("/api/products/export"),
            visit.post("/api/products/import").body("text/csv", "sku\n"),
        ] {
            let ask = if let Some(customer) = token {
                ask.by(customer)
            } else {
                ask
            };
            ask.send().await?.refused(status, code)?;
        }
    }
    visit.get(&path).send().await?.expect(200)?;
    Ok(())
}
