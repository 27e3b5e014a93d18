//! Accounts and profiles.

use serde_json::json;

use crate::visit::{Unmet, Visit};

pub(super) async fn somebody_registers(visit: &Visit<'_>) -> Result<(), Unmet> {
    let email = format!("  Ada@{}.Example ", visit.shop.tag());
    let body = json!({"email": email, "password": "an analytical engine", "name": "Ada"});
    let registered = visit.post("/api/auth/register").json(&body).send().await?.expect(201)?;
    let registered = registered.has("/token_type", "Bearer")?.has("/user/name", "Ada")?;
    let token = registered.text("/access_token")?;
    let me = visit.get("/api/users/me").token(&token).send().await?.expect(200)?;
    me.has("/id", registered.body["user"]["id"].clone())?
        .has("/roles", json!(["customer"]))?;

    // The answer may have been lost: the right password opens a session, another one does not.
    visit.post("/api/auth/register").json(&body).send().await?.expect(201)?;
    let other = json!({"email": email, "password": "another password", "name": "Ada"});
    let refused = visit.post("/api/auth/register").json(&other).send().await?;
    refused.refused(409, "email_taken")?;
    Ok(())
}

pub(super) async fn several_faults_are_told_together(visit: &Visit<'_>) -> Result<(), Unmet> {
    let body = json!({"email": "nobody", "password": "short", "name": ""});
    let refused = visit.post("/api/auth/register").json(&body).send().await?.expect(422)?;
    let faults = refused.faults();
    visit.check(faults == ["/email", "/name", "/password"], format_args!("{faults:?}"))
}

pub(super) async fn a_profile_is_its_owners(visit: &Visit<'_>) -> Result<(), Unmet> {
    let grace = visit.register("grace").await?;
    let named = visit.put("/api/users/me").by(&grace).json(&json!({"name": "Grace H."}));
    named.send().await?.expect(200)?.has("/name", "Grace H.")?;
    let again = json!({"email": grace.credentials.email, "password": grace.credentials.password});
    let login = visit.post("/api/auth/login").json(&again).send().await?.expect(200)?;
    login.has("/user/name", "Grace H.")?.has("/user/id", grace.id.clone())?;
    for member in ["roles", "email", "id"] {
        let mut body = json!({"name": "Grace"});
        body[member] = json!("x");
        visit
            .put("/api/users/me")
            .by(&grace)
            .json(&body)
            .send()
            .await?
            .expect(422)?;
    }
    Ok(())
}

pub(super) async fn admins_see_all_users(visit: &Visit<'_>) -> Result<(), Unmet> {
    let hedy = visit.register("hedy").await?;
    let found = visit
        .get(&format!("/api/users?q=hedy@{}", visit.shop.tag()))
        .admin()
        .send()
        .await?;
    let found = found.expect(200)?;
    visit.check(found.each("id") == [hedy.id.as_str()], "the list does not find her")?;
    let one = format!("/api/users/{}", hedy.id);
    visit
        .get(&one)
        .admin()
        .send()
        .await?
        .expect(200)?
        .has("/name", "hedy")?;
    visit.get(&one).by(&hedy).send().await?.refused(403, "forbidden")?;
    visit
        .get("/api/users")
        .by(&hedy)
        .send()
        .await?
        .refused(403, "forbidden")?;
    visit.get("/api/users").send().await?.refused(401, "unauthenticated")?;
    visit
        .get("/api/users/nobody")
        .admin()
        .send()
        .await?
        .refused(404, "not_found")?;
    Ok(())
}
