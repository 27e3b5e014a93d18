//! The door: health, documents, and what is refused before anybody looks at it.

use reqwest::Method;
use serde_json::json;

use crate::visit::{Unmet, Visit};

pub(super) async fn every_process_tells_of_its_health(visit: &Visit<'_>) -> Result<(), Unmet> {
    visit.get("/health").send().await?.expect(200)?.has("/status", "ok")?;
    visit.get("/health/live").send().await?.expect(200)?;
    // What it is made of differs between topologies.
    visit.get("/health/ready").unrecorded().send().await?.expect(200)?;
    Ok(())
}

pub(super) async fn the_api_documents_itself(visit: &Visit<'_>) -> Result<(), Unmet> {
    let document = visit.get("/openapi.json").send().await?.expect(200)?;
    let version = document.text("/openapi")?;
    visit.check(version.starts_with("3.1"), format_args!("OpenAPI {version}"))?;
    for path in ["/api/auth/login", "/api/users/me", "/api/products/{id}", "/api/orders"] {
        visit.check(document.body["paths"][path].is_object(), format_args!("no {path}"))?;
    }
    let internal = document.text.contains("/internal/");
    visit.check(!internal, "an internal route is in the document")?;
    let page = visit.get("/docs").send().await?;
    visit.check(page.status < 400, "no /docs")?;
    visit.check(!page.text.contains("src=\"http"), "/docs loads from elsewhere")?;
    visit.get("/docs/problems").send().await?.expect(200)?;
    visit
        .get("/.well-known/jwks.json")
        .unrecorded()
        .send()
        .await?
        .expect(200)?;
    Ok(())
}

pub(super) async fn what_does_not_exist_is_refused_in_one_form(visit: &Visit<'_>) -> Result<(), Unmet> {
    visit.get("/api/nothing").send().await?.refused(404, "not_found")?;
    visit
        .get("/internal/stock/sell")
        .send()
        .await?
        .refused(404, "not_found")?;
    visit.get("/metrics").send().await?.refused(404, "not_found")?;
    visit
        .get("/api/products/not-an-id")
        .send()
        .await?
        .refused(404, "not_found")?;
    let absent = "/api/products/019ab2c4-0000-7000-8000-00000000ffff";
    visit.get(absent).send().await?.refused(404, "not_found")?;
    let refused = visit.ask(Method::PATCH, "/api/products").send().await?;
    let refused = refused.refused(405, "method_not_allowed")?;
    for method in ["GET", "HEAD", "POST"] {
        let allow = refused.header("allow");
        visit.check(allow.contains(method), format_args!("Allow: {allow}"))?;
    }
    visit.ask(Method::HEAD, "/api/products").send().await?.expect(200)?;
    visit
        .get("/api/users/me")
        .send()
        .await?
        .refused(401, "unauthenticated")?;
    let refused = visit.get("/api/users/me").token("nonsense").send().await?;
    let refused = refused.refused(401, "token_invalid")?;
    let challenge = refused.header("www-authenticate");
    visit.check(
        challenge.starts_with("Bearer"),
        format_args!("WWW-Authenticate: {challenge}"),
    )
}

pub(super) async fn what_can_be_read_in_two_ways_is_refused(visit: &Visit<'_>) -> Result<(), Unmet> {
    for path in [
        "/api//products",
        "/api/products%2fx",
        "/api/products;x=1",
        "/api/products/%00",
        "/api/products%5cx",
    ] {
        visit.get(path).send().await?.expect(400)?;
    }
    let with_body = visit.get("/api/products").body("application/json", "{}");
    with_body.send().await?.expect(400)?;
    visit
        .get("/api/products")
        .header("x_user_id", "1")
        .send()
        .await?
        .expect(400)?;
    Ok(())
}

pub(super) async fn a_body_is_held_to_its_form(visit: &Visit<'_>) -> Result<(), Unmet> {
    let login = |content_type, body: String| visit.post("/api/auth/login").body(content_type, body).send();
    login("application/json", "{".to_owned()).await?.expect(400)?;
    login("text/plain", "{}".to_owned()).await?.expect(415)?;
    let unknown = json!({"email": "a@b.example", "password": "long enough it is", "remember": true});
    login("application/json", unknown.to_string()).await?.expect(422)?;
    let long = format!(r#"{{"email":"{}"}}"#, "x".repeat(200_000));
    login("application/json", long).await?.expect(413)?;
    login("application/json", String::new()).await?.expect(400)?;
    Ok(())
}

pub(super) async fn nobody_is_whom_they_say_they_are_by_a_header(visit: &Visit<'_>) -> Result<(), Unmet> {
    for (name, value) in [
        ("x-user-id", "019ab2c4-0000-7000-8000-000000000001"),
        ("x-stoa-principal", r#"{"roles":["admin"]}"#),
        ("x-roles", "admin"),
        ("x-forwarded-user", "admin"),
    ] {
        let asked = visit.get("/api/users").header(name, value).send().await?;
        asked.refused(401, "unauthenticated")?;
    }
    let customer = visit.register("pretender").await?;
    let asked = visit
        .get("/api/users")
        .by(&customer)
        .header("x-roles", "admin")
        .send()
        .await?;
    asked.refused(403, "forbidden")?;
    Ok(())
}
