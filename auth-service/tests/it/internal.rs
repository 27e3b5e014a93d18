//! Tokens for services, through the listener.

use std::net::IpAddr;

use auth_api::{SERVICE_TOKEN_PATH, ServiceToken, ServiceTokenAnswer};
use platform_identity::{Audience, Subject, TokenError};
use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{Server, problem};

fn request(secret: &str) -> Value {
    json!({"client_id": "order-service", "client_secret": secret, "audience": "product"})
}

fn good() -> Value {
    request("order's secret")
}

#[tokio::test]
async fn a_service_gets_a_token_that_the_service_it_named_accepts_for_an_hour() {
    let server = Server::new().await;
    let response = server.post(SERVICE_TOKEN_PATH, &good()).await;
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let body: Value = response.json().await.unwrap();
    insta::assert_json_snapshot!(body, { ".access_token" => "[token]" }, @r#"
    {
      "access_token": "[token]",
      "expires_at": "2026-01-01T01:00:00.000000Z",
      "expires_in": 3600,
      "token_type": "Bearer"
    }
    "#);

    let answer: ServiceTokenAnswer = serde_json::from_value(body).unwrap();
    let ServiceToken {
        access_token,
        expires_at,
    } = answer.into();
    let principal = server
        .verifier(Audience::Service("product"))
        .verify(&access_token)
        .await
        .unwrap();
    assert_eq!(principal.subject, Subject::Service("order-service".to_owned()));
    assert_eq!((principal.session, principal.expires_at), (None, expires_at));
    for other in [Audience::Service("user"), Audience::People] {
        let refused = server.verifier(other).verify(&access_token).await;
        assert_eq!(refused.unwrap_err(), TokenError::WrongAudience);
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_the_credentials_the_answer_is_the_same() {
    let server = Server::new().await;
    let mut answers = Vec::new();
    for (field, value) in [
        ("client_secret", ""),
        ("client_secret", "another"),
        ("client_id", "somebody"),
        ("client_id", ""),
        ("audience", "user"),
        ("audience", ""),
    ] {
        let mut body = good();
        body[field] = json!(value);
        let response = server.post(SERVICE_TOKEN_PATH, &body).await;
        assert_eq!(response.status().as_u16(), 401, "{field} {value}");
        let mut body: Value = response.json().await.unwrap();
        assert_eq!(body["code"], "client_refused");
        body.as_object_mut().unwrap().remove("request_id");
        answers.push(body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn a_persons_token_is_no_credential_and_a_field_of_tomorrow_does_no_harm() {
    let server = Server::new().await;
    let registration = json!({"email": "ada@example.org", "password": "correct horse battery", "name": "Ada"});
    let registered = server.post("/api/auth/register", &registration).await;
    let registered: Value = registered.json().await.unwrap();
    let as_person = server
        .request(Method::POST, SERVICE_TOKEN_PATH)
        .bearer_auth(registered["access_token"].as_str().unwrap());
    let refused = as_person.json(&request("")).send().await.unwrap();
    assert_eq!(problem(refused).await, (401, "client_refused".to_owned()));

    let mut later = good();
    later["grant_type"] = json!("client_credentials");
    assert_eq!(server.post(SERVICE_TOKEN_PATH, &later).await.status().as_u16(), 200);
}

#[tokio::test]
async fn refusals_are_limited_by_where_they_come_from_whatever_they_claim_and_never_hold_up_who_proves_itself() {
    let server = Server::new().await;
    let client = |from: [u8; 4]| {
        let client = reqwest::Client::builder().no_proxy();
        client.local_address(IpAddr::from(from)).build().unwrap()
    };
    let (here, elsewhere) = (client([127, 0, 0, 1]), client([127, 0, 0, 2]));
    let ask = async |client: &reqwest::Client, claimed: u8, body: &Value| {
        let (_, request) = server.request(Method::POST, SERVICE_TOKEN_PATH).build_split();
        let request = reqwest::RequestBuilder::from_parts(client.clone(), request.unwrap());
        let request = request.header("x-forwarded-for", format!("192.0.2.{claimed}"));
        request.json(body).send().await.unwrap()
    };
    for claimed in 0..30 {
        let refused = ask(&here, claimed, &request("guess")).await;
        assert_eq!(problem(refused).await.0, 401);
    }
    let throttled = ask(&here, 30, &request("guess")).await;
    assert_eq!(throttled.headers()["retry-after"], "2");
    assert_eq!(problem(throttled).await, (429, "rate_limited".to_owned()));
    assert_eq!(problem(ask(&elsewhere, 30, &request("guess")).await).await.0, 401);
    assert_eq!(ask(&here, 30, &good()).await.status().as_u16(), 200);
}

#[tokio::test]
async fn a_service_that_asks_without_end_is_told_to_wait() {
    let server = Server::new().await;
    let request = serde_json::from_value(good()).unwrap();
    let nowhere = auth_service::network::Network::of(None);
    let service = server.app.service();
    let issued = (0..700).map(|_| service.issue_service_token(&request, nowhere));
    assert_eq!(issued.flatten().count(), 600);
    server.clock.advance(std::time::Duration::from_secs(1));
    assert!(service.issue_service_token(&request, nowhere).is_ok());
}

#[tokio::test]
async fn what_is_too_large_is_not_read() {
    let server = Server::new().await;
    let response = server.post(SERVICE_TOKEN_PATH, &request(&"x".repeat(5_000))).await;
    assert_eq!(problem(response).await.0, 413);
}

#[tokio::test]
async fn the_gateway_does_not_see_it() {
    let server = Server::new().await;
    let public = &server.built.public.openapi.paths.paths;
    assert!(public.keys().all(|path| !path.starts_with("/internal/")));
    let internal = &server.built.internal.openapi.paths.paths;
    assert_eq!(internal.keys().collect::<Vec<_>>(), [SERVICE_TOKEN_PATH]);
}
