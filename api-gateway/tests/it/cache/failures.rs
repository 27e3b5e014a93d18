//! What is kept of public answers while their service fails, refuses, is silent or is asked too much.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use futures::future::join_all;
use platform_clock::{Clock, SystemClock};
use platform_identity::Role;
use platform_problem::codes;
use platform_runtime::stack::Stack;
use serde_json::Value;
use tokio::time::Instant;
use tower::{Layer, ServiceExt};

use super::{shop, version};

#[tokio::test(start_paused = true)]
async fn when_the_service_fails_what_was_kept_is_shown_for_a_minute_unless_it_changed() {
    let (world, products, _, path) = shop();
    world.ask("GET", &path, &[]).await;
    *products.broken.lock().unwrap() = Some(&codes::BAD_GATEWAY);
    tokio::time::advance(Duration::from_secs(50)).await;
    assert_eq!(version(&world.ask("GET", &path, &[]).await), 1);
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_eq!(world.ask("GET", &path, &[]).await.status, 502);

    *products.broken.lock().unwrap() = None;
    world.ask("GET", &path, &[]).await;
    let admin = world.token(&[Role::Customer, Role::Admin]);
    world.ask("PUT", &path, &[("authorization", &admin)]).await;
    *products.broken.lock().unwrap() = Some(&codes::UNAVAILABLE);
    assert_eq!(world.ask("GET", &path, &[]).await.status, 503);
}

#[tokio::test]
async fn a_refusal_is_not_kept() {
    let (world, products, ..) = shop();
    let path = format!("/api/products/{}", SystemClock.new_id());
    let first = world.ask("GET", &path, &[("x-request-id", "one")]).await;
    assert_eq!((first.status, products.asked()), (404, 1), "it is asked once for");
    assert_eq!(world.ask("GET", &path, &[]).await.status, 404);
    assert_eq!(products.asked(), 2);
    products.set(&path, 1);
    assert_eq!(version(&world.ask("GET", &path, &[]).await), 1);
}

#[tokio::test(start_paused = true)]
async fn who_can_be_shown_something_does_not_wait_long_for_a_silent_service() {
    let (world, products, _, path) = shop();
    world.ask("GET", &path, &[]).await;
    tokio::time::advance(Duration::from_secs(2)).await;
    products.close();
    let began = Instant::now();
    assert_eq!(version(&world.ask("GET", &path, &[]).await), 1);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_end_is_given_up() {
    let (world, products, _, path) = shop();
    products.stalls.store(true, Ordering::SeqCst);
    assert_eq!(world.ask("GET", &path, &[]).await.status, 504);
    products.stalls.store(false, Ordering::SeqCst);
    assert_eq!(version(&world.ask("GET", &path, &[]).await), 1);
}

#[tokio::test]
async fn when_the_service_is_away_all_who_wait_are_told_so_at_once_each_with_the_id_of_their_request() {
    let (world, products, ..) = shop();
    *products.broken.lock().unwrap() = Some(&codes::BAD_GATEWAY);
    products.close();
    let app = Stack::new(Arc::new(SystemClock)).layer(world.gateway.clone());
    let ask = async |id: &str| {
        let request = Request::get("/api/products")
            .header("host", "shop")
            .header("x-request-id", id);
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body: Value = serde_json::from_slice(&to_bytes(body, 10_000).await.unwrap()).unwrap();
        (
            head.status.as_u16(),
            body["request_id"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let open = async {
        products.until_asked(1).await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        products.open();
    };
    let (answers, ()) = tokio::join!(join_all(["one", "two"].map(ask)), open);
    assert_eq!(answers, [(502, "one".to_owned()), (502, "two".to_owned())]);
    assert_eq!(products.asked(), 1);
}

#[tokio::test]
async fn who_leaves_cannot_make_calls_without_end() {
    let (world, products, ..) = shop();
    products.close();
    for times in 1..=1_200 {
        let path = format!("/api/products?limit={times}");
        tokio::select! {
            _ = world.ask("GET", &path, &[]) => panic!("the gate is closed"),
            () = products.until_asked(times) => {}
        }
    }
    let asked_now = products.asked_now.load(Ordering::SeqCst);
    assert!(asked_now <= 1_024, "{asked_now}");
}
