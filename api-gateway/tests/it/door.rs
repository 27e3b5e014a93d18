//! What comes in, and what is turned away at the door.

use axum::body::Body;

use crate::world::world;

const EVERY_KIND_OF_PATH: [&str; 5] = ["/api/products", "/health", "/docs/problems", "/api/nothing", "/nothing"];

#[tokio::test]
async fn hygiene_holds_on_every_path() {
    let open = world(|s| s.cors_allowed_origins = vec!["https://shop.example".parse().unwrap()]);
    let preflight = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "POST"),
        ("x_user", "1"),
    ];
    assert_eq!(open.ask("OPTIONS", "/api/orders", &preflight).await.status, 400);
    for path in EVERY_KIND_OF_PATH {
        let two_hosts = open.ask("GET", path, &[("host", "other")]).await;
        assert_eq!(
            (two_hosts.status, two_hosts.body["code"].as_str()),
            (400, Some("bad_request")),
            "{path}"
        );
        let climbing = format!("{path}/%2e%2e/x");
        assert_eq!(open.ask("GET", &climbing, &[]).await.status, 400, "{climbing}");
        let with_body = open.send("GET", path, &[], Body::from("x")).await;
        assert_eq!(with_body.status, 400, "{path}");
    }
}

#[tokio::test]
async fn a_service_sees_what_the_gateway_found_out_and_no_claim_of_the_client() {
    let world = world(|s| s.trusted_proxy_hops = 1);
    let claims = [
        ("x-forwarded-for", "6.6.6.6, 198.51.100.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil"),
        ("x-user-id", "1"),
        ("x-stoa-principal", "admin"),
        ("cookie", "a=b"),
        ("accept-encoding", "gzip;q=0"),
    ];
    let answer = world.ask("GET", "/api/products", &claims).await;
    let reached = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"].map(|name| answer.reached(name));
    assert_eq!(reached, [Some("198.51.100.7"), Some("https"), Some("shop")]);
    for name in ["x-user-id", "x-stoa-principal", "cookie", "accept-encoding"] {
        assert_eq!(answer.reached(name), None, "{name}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_refused_unless_allowed() {
    let closed = world(|_| ());
    let preflight = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "POST"),
    ];
    let answer = closed.ask("OPTIONS", "/api/orders", &preflight).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (405, ""));

    let open = world(|s| s.cors_allowed_origins = vec!["https://shop.example".parse().unwrap()]);
    let answer = open.ask("OPTIONS", "/api/orders", &preflight).await;
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (200, "https://shop.example")
    );
    let answer = open.ask("GET", "/api/products", &preflight[..1]).await;
    assert_eq!(answer.header("access-control-allow-origin"), "https://shop.example");
    assert!(answer.header("access-control-expose-headers").contains("ratelimit"));
    let other = open
        .ask("GET", "/api/products", &[("origin", "https://evil.example")])
        .await;
    assert_eq!(other.header("access-control-allow-origin"), "");
    assert!(other.header("vary").contains("origin"));
}

#[tokio::test]
async fn a_flood_from_one_address_is_stopped_before_its_tokens_are_looked_at() {
    let world = world(|s| s.rate_limits = true);
    let first = world.ask("GET", "/api/products", &[]).await;
    assert_eq!(first.header("ratelimit"), "\"address\";r=199;t=1");
    assert_eq!(first.header("ratelimit-policy"), "\"address\";q=200;w=4");
    for _ in 1..200 {
        world.ask("GET", "/api/products", &[]).await;
    }
    let stopped = world
        .ask("GET", "/api/products", &[("authorization", "Bearer junk")])
        .await;
    assert_eq!(
        (stopped.status, stopped.body["code"].as_str()),
        (429, Some("rate_limited"))
    );
    assert_eq!(
        (stopped.header("retry-after"), stopped.header("ratelimit")),
        ("1", "\"address\";r=0;t=4")
    );
    assert_eq!(
        world.ask("GET", "/health", &[]).await.status,
        200,
        "a probe is not a client"
    );
}
