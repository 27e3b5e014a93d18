//! What a route demands before its service is asked.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use platform_identity::Role;
use platform_rpc::Place;
use serde_json::Value;

use crate::world::world;

#[tokio::test]
async fn what_no_document_declares_does_not_exist() {
    let world = world(|_| ());
    for path in [
        "/internal/stock",
        "/api/nothing",
        "/api/products/1/2",
        "/api/products/",
        "/",
    ] {
        let answer = world.ask("GET", path, &[]).await;
        assert_eq!(
            (answer.status, answer.body["code"].as_str()),
            (404, Some("not_found")),
            "{path}"
        );
    }
    let wrong_method = world.ask("DELETE", "/api/products", &[]).await;
    assert_eq!(
        (wrong_method.status, wrong_method.header("allow")),
        (405, "GET,HEAD,POST")
    );
    assert_eq!(wrong_method.body["code"], "method_not_allowed");
    let wrong_method = world.ask("POST", "/health", &[]).await;
    assert_eq!((wrong_method.status, wrong_method.header("allow")), (405, "GET,HEAD"));
    assert_eq!(world.ask("HEAD", "/api/products", &[]).await.status, 200);
}

#[tokio::test]
async fn policy_is_enforced_before_a_service_is_asked() {
    let world = world(|_| ());
    let (customer, admin) = (world.token(&[Role::Customer]), world.token(&[Role::Admin]));
    let post = async |token: &str| world.ask("POST", "/api/products", &[("authorization", token)]).await;
    let nobody = world.ask("POST", "/api/products", &[]).await;
    assert_eq!((nobody.status, nobody.header("www-authenticate")), (401, "Bearer"));
    assert_eq!(post(&customer).await.status, 403);
    assert_eq!(post(&admin).await.status, 200);
    let junk = world
        .ask("GET", "/api/products", &[("authorization", "Bearer junk")])
        .await;
    assert_eq!((junk.status, junk.body["code"].as_str()), (401, Some("token_invalid")));
    assert_eq!(junk.header("www-authenticate"), "Bearer error=\"invalid_token\"");
}

#[tokio::test]
async fn the_principal_goes_on_as_an_extension_and_the_token_beside_it() {
    let world = world(|_| ());
    assert_eq!(world.ask("GET", "/api/products", &[]).await.body["user"], Value::Null);
    let token = world.token(&[]);
    let answer = world.ask("GET", "/api/products", &[("authorization", &token)]).await;
    assert!(answer.body["user"].is_string());
    assert_eq!(answer.reached("authorization"), Some(token.as_str()));
}

#[tokio::test]
async fn a_body_is_bounded_whether_its_length_is_declared_or_not() {
    let world = world(|_| ());
    let chunks = |count: usize| stream::iter((0..count).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(b"12345"))));
    let declared = world.ask("POST", "/api/auth/login", &[("content-length", "11")]).await;
    assert_eq!(
        (declared.status, declared.body["code"].as_str()),
        (413, Some("payload_too_large"))
    );
    let chunked = world
        .send("POST", "/api/auth/login", &[], Body::from_stream(chunks(3)))
        .await;
    assert_eq!(
        (chunked.status, chunked.body["code"].as_str()),
        (413, Some("payload_too_large"))
    );
    let fits = world
        .send("POST", "/api/auth/login", &[], Body::from_stream(chunks(2)))
        .await;
    assert_eq!((fits.status, fits.body["body"].as_str()), (200, Some("1234512345")));
}

#[tokio::test]
async fn a_body_that_its_sender_broke_off_is_the_senders_fault() {
    let world = world(|_| ());
    let broken = stream::iter([Ok(Bytes::from_static(b"12")), Err(std::io::Error::other("reset"))]);
    let answer = world
        .send("POST", "/api/auth/login", &[], Body::from_stream(broken))
        .await;
    assert_eq!(
        (answer.status, answer.body["code"].as_str()),
        (400, Some("bad_request"))
    );
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_not_waited_for() {
    let world = world(|_| ());
    let answer = world.ask("GET", "/api/slow", &[]).await;
    assert_eq!(
        (answer.status, answer.body["code"].as_str()),
        (504, Some("gateway_timeout"))
    );
}

#[tokio::test]
async fn a_required_key_is_asked_for_at_the_door() {
    let world = world(|_| ());
    let token = world.token(&[]);
    let code = async |key: Option<&str>| {
        let mut headers = vec![("authorization", token.as_str())];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        let answer = world.ask("POST", "/api/orders", &headers).await;
        (
            answer.status,
            answer.body["code"].as_str().unwrap_or_default().to_owned(),
        )
    };
    assert_eq!(code(None).await, (400, "idempotency_key_required".to_owned()));
    for bad in ["", "two words", &"k".repeat(256)] {
        assert_eq!(
            code(Some(bad)).await,
            (400, "idempotency_key_invalid".to_owned()),
            "{bad:?}"
        );
    }
    assert_eq!(code(Some("k")).await.0, 200);
}

#[tokio::test]
async fn an_account_has_a_limit_of_its_own_wherever_it_comes_from() {
    let world = world(|s| s.rate_limits = true);
    let (one, other) = (world.token(&[]), world.token(&[]));
    let ask = async |token: &str| world.ask("GET", "/api/products", &[("authorization", token)]).await;
    let first = ask(&one).await;
    let told: Vec<_> = first.headers.get_all("ratelimit").iter().collect();
    assert_eq!(told, ["\"user\";r=99;t=1", "\"address\";r=199;t=1"]);
    for _ in 1..100 {
        assert_eq!(ask(&one).await.status, 200);
    }
    let stopped = ask(&one).await;
    assert_eq!((stopped.status, stopped.header("ratelimit")), (429, "\"user\";r=0;t=5"));
    assert_eq!(ask(&other).await.status, 200);
    world.clock.advance(Duration::from_millis(50));
    assert_eq!(ask(&one).await.status, 200, "20 a second");
    assert_eq!(ask(&one).await.status, 429);
}

#[tokio::test]
async fn a_frozen_service_answers_reads_alone() {
    let world = world(|_| ());
    let product = world.upstreams.product.for_reading();
    world.upstreams.product.turn(Place::Frozen, product);
    let admin = world.token(&[Role::Admin]);
    assert_eq!(world.ask("GET", "/api/products", &[]).await.status, 200);
    assert_eq!(world.ask("HEAD", "/api/products", &[]).await.status, 200);
    let write = world.ask("POST", "/api/products", &[("authorization", &admin)]).await;
    assert_eq!((write.status, write.header("retry-after")), (503, "1"));
}
