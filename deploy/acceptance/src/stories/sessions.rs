//! Sessions: how they begin, go on and end.

use std::time::Duration;

use serde_json::json;

use crate::shop::Customer;
use crate::visit::{Reply, Unmet, Visit};

async fn refresh(visit: &Visit<'_>, token: &str) -> Result<Reply, Unmet> {
    visit
        .post("/api/auth/refresh")
        .json(&json!({"refresh_token": token}))
        .send()
        .await
}

async fn login(visit: &Visit<'_>, customer: &Customer, password: &str) -> Result<Reply, Unmet> {
    let body = json!({"email": customer.credentials.email, "password": password});
    visit.post("/api/auth/login").json(&body).send().await
}

/// Asks until a token is refused, which is known everywhere within a second.
async fn is_refused_soon(visit: &Visit<'_>, token: &str) -> Result<(), Unmet> {
    for _ in 0..40 {
        let asked = visit.get("/api/users/me").token(token).unrecorded().send().await?;
        if asked.status == 401 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(visit.unmet("the token of a revoked session is still accepted after two seconds"))
}

pub(super) async fn an_unknown_address_is_refused_like_a_wrong_password(visit: &Visit<'_>) -> Result<(), Unmet> {
    let known = visit.register("known").await?;
    let wrong = login(visit, &known, "not the password")
        .await?
        .refused(401, "invalid_credentials")?;
    let body = json!({"email": format!("unknown@{}.example", visit.shop.tag()), "password": "not the password"});
    let unknown = visit.post("/api/auth/login").json(&body).send().await?;
    let unknown = unknown.refused(401, "invalid_credentials")?;
    visit.check(wrong.body["detail"] == unknown.body["detail"], "the answers differ")
}

pub(super) async fn a_refresh_token_is_good_once(visit: &Visit<'_>) -> Result<(), Unmet> {
    let customer = visit.register("refresher").await?;
    let second = refresh(visit, &customer.refresh_token).await?.expect(200)?;
    let second_token = second.text("/refresh_token")?;
    // The answer may have been lost: the same successor comes again while it is unused.
    let again = refresh(visit, &customer.refresh_token).await?.expect(200)?;
    visit.check(again.text("/refresh_token")? == second_token, "another successor")?;
    let third = refresh(visit, &second_token).await?.expect(200)?;
    // Now the first one is a thief's: nobody goes on with this session.
    refresh(visit, &customer.refresh_token)
        .await?
        .refused(401, "refresh_token_reused")?;
    refresh(visit, &third.text("/refresh_token")?).await?.expect(401)?;
    is_refused_soon(visit, &third.text("/access_token")?).await?;
    refresh(visit, "no such token").await?.expect(401)?;
    Ok(())
}

pub(super) async fn a_logout_ends_a_session(visit: &Visit<'_>) -> Result<(), Unmet> {
    let customer = visit.register("leaver").await?;
    let body = json!({"refresh_token": customer.refresh_token});
    visit.post("/api/auth/logout").json(&body).send().await?.expect(204)?;
    visit.post("/api/auth/logout").json(&body).send().await?.expect(204)?;
    refresh(visit, &customer.refresh_token).await?.expect(401)?;
    is_refused_soon(visit, &customer.token).await
}

pub(super) async fn a_new_password_ends_other_sessions(visit: &Visit<'_>) -> Result<(), Unmet> {
    let customer = visit.register("changer").await?;
    let elsewhere = login(visit, &customer, &customer.credentials.password)
        .await?
        .expect(200)?;
    let change = |current: &str| {
        let body = json!({"current_password": current, "new_password": "an entirely new one"});
        visit.put("/api/auth/password").by(&customer).json(&body).send()
    };
    let wrong = change("not the password").await?;
    visit.check(
        wrong.status == 401 || wrong.status == 403 || wrong.status == 422,
        "a wrong password is refused",
    )?;
    change(&customer.credentials.password).await?.expect(204)?;
    is_refused_soon(visit, &elsewhere.text("/access_token")?).await?;
    refresh(visit, &elsewhere.text("/refresh_token")?).await?.expect(401)?;
    visit.get("/api/users/me").by(&customer).send().await?.expect(200)?;
    refresh(visit, &customer.refresh_token).await?.expect(200)?;
    login(visit, &customer, &customer.credentials.password)
        .await?
        .refused(401, "invalid_credentials")?;
    login(visit, &customer, "an entirely new one").await?.expect(200)?;
    Ok(())
}
