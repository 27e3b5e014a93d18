//! Many at once.

use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::visit::{Reply, Unmet, Visit};

const CLIENTS: usize = 64;

fn ask<'a>(visit: &'a Visit<'a>, token: &str, key: &str, body: &Value) -> crate::Ask<'a> {
    visit.post("/api/orders").token(token).key(key).json(body).unrecorded()
}

fn count(replies: &[Reply], status: u16) -> usize {
    replies.iter().filter(|reply| reply.status == status).count()
}

pub(super) async fn the_last_one_is_sold_once(visit: &Visit<'_>) -> Result<(), Unmet> {
    let product = visit.create_product("LAST", json!({"stock": 1})).await?;
    let customer = visit.register("racer").await?;
    let body = json!({"items": [{"product_id": product["id"], "quantity": 1}]});
    let racing = (0..CLIENTS).map(|at| ask(visit, &customer.token, &format!("race-{at}"), &body).send());
    let replies = try_join_all(racing).await?;
    let (won, lost) = (count(&replies, 201), count(&replies, 409));
    visit.check(won == 1 && lost == CLIENTS - 1, format_args!("{won} won, {lost} lost"))
}

pub(super) async fn opposite_orders_both_go_through(visit: &Visit<'_>) -> Result<(), Unmet> {
    let one = visit.create_product("OPPOSITE-1", json!({"stock": 100})).await?;
    let two = visit.create_product("OPPOSITE-2", json!({"stock": 100})).await?;
    let customer = visit.register("opposite").await?;
    let item = |product: &Value| json!({"product_id": product["id"], "quantity": 1});
    let bodies = [
        json!({"items": [item(&one), item(&two)]}),
        json!({"items": [item(&two), item(&one)]}),
    ];
    let racing = (0..CLIENTS).map(|at| ask(visit, &customer.token, &format!("opposite-{at}"), &bodies[at % 2]).send());
    let replies = try_join_all(racing).await?;
    let won = count(&replies, 201);
    visit.check(won == CLIENTS, format_args!("{won} of {CLIENTS} went through"))
}

pub(super) async fn twins_buy_once(visit: &Visit<'_>) -> Result<(), Unmet> {
    let product = visit.create_product("TWINS", json!({"stock": 100})).await?;
    let customer = visit.register("twin").await?;
    let body = json!({"items": [{"product_id": product["id"], "quantity": 1}]});
    let racing = (0..CLIENTS).map(|_| ask(visit, &customer.token, "one-press-of-the-button", &body).send());
    let replies = try_join_all(racing).await?;
    let mut ids: Vec<&Value> = replies.iter().map(|reply| &reply.body["id"]).collect();
    ids.dedup();
    visit.check(ids.len() == 1, format_args!("orders {ids:?}"))?;
    let definite = count(&replies, 201);
    visit.check(
        definite == CLIENTS,
        format_args!("{definite} of {CLIENTS} answered 201"),
    )
}
