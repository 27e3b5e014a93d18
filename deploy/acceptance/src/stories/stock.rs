//! The shelf beside running sales.

use serde_json::{Value, json};

use super::catalogue::path_of;
use crate::visit::{Unmet, Visit};

pub(super) async fn an_admin_changes_the_shelf(visit: &Visit<'_>) -> Result<(), Unmet> {
    let product = visit.create_product("SHELF", json!({"stock": 5})).await?;
    let path = format!("{}/stock", path_of(&product));
    let change = |body: Value| visit.post(&path).admin().json(&body).send();
    change(json!({"delta": 3, "reason": "delivery"}))
        .await?
        .expect(200)?
        .has("/stock", 8)?;
    change(json!({"delta": -9, "reason": "broken"}))
        .await?
        .refused(409, "insufficient_stock")?;
    change(json!({"set": 2, "reason": "counted"}))
        .await?
        .expect(200)?
        .has("/stock", 2)?;
    change(json!({"set": null, "reason": "made to order"}))
        .await?
        .expect(200)?
        .has("/stock", Value::Null)?;
    change(json!({"delta": 1, "reason": "delivery"}))
        .await?
        .refused(409, "stock_not_counted")?;
    change(json!({"set": 4, "reason": "counted"}))
        .await?
        .expect(200)?
        .has("/version", 1)?;
    change(json!({"delta": 1, "set": 1, "reason": "both"}))
        .await?
        .expect(422)?;
    change(json!({"reason": "neither"})).await?.expect(422)?;
    Ok(())
}

pub(super) async fn a_change_of_stock_happens_once_by_its_key(visit: &Visit<'_>) -> Result<(), Unmet> {
    let product = visit.create_product("DELIVERED", json!({"stock": 1})).await?;
    let path = format!("{}/stock", path_of(&product));
    let key = format!("{}-delivery", visit.shop.tag());
    let deliver = |delta: i64| {
        let body = json!({"delta": delta, "reason": "delivery"});
        visit.post(&path).admin().key(&key).json(&body).send()
    };
    deliver(4).await?.expect(200)?.has("/stock", 5)?;
    let again = deliver(4).await?.expect(200)?.has("/stock", 5)?;
    visit.check(again.header("idempotent-replayed") == "true", "not marked as a replay")?;
    deliver(5).await?.refused(422, "idempotency_key_reused")?;
    visit
        .get(&path_of(&product))
        .send()
        .await?
        .expect(200)?
        .has("/stock", 5)?;
    Ok(())
}
