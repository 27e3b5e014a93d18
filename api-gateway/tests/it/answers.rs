//! What every answer has, whoever gave it.

use crate::world::{Answer, world};

fn assert_is_secured(answer: &Answer, what: &str) {
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(answer.header("x-frame-options"), "DENY", "{what}");
    assert_eq!(answer.header("referrer-policy"), "no-referrer", "{what}");
    assert!(
        answer.header("strict-transport-security").starts_with("max-age="),
        "{what}"
    );
    assert!(
        answer
            .header("content-security-policy")
            .contains("frame-ancestors 'none'"),
        "{what}"
    );
    assert!(
        !answer.headers.contains_key("server") && !answer.headers.contains_key("connection"),
        "{what}"
    );
}

#[tokio::test]
async fn answers_lose_what_is_internal_and_gain_what_protects() {
    let world = world(|s| s.rate_limits = true);
    let paths = [
        "/api/products",
        "/api/nothing",
        "/api//x",
        "/health",
        "/docs/",
        "/openapi.json",
        "/api/slow",
        "/api/panic",
    ];
    for path in paths {
        assert_is_secured(&world.ask("GET", path, &[]).await, path);
    }
    for _ in 0..250 {
        world.ask("GET", "/api/products", &[]).await;
    }
    let refused = world.ask("GET", "/api/products", &[]).await;
    assert_eq!(refused.status, 429);
    assert_is_secured(&refused, "a refusal of the limit");
}

#[tokio::test]
async fn a_panic_is_a_500_that_tells_nothing() {
    let answer = world(|_| ()).ask("GET", "/api/panic", &[]).await;
    assert_eq!((answer.status, answer.body["code"].as_str()), (500, Some("internal")));
    assert!(!answer.body.to_string().contains("42"));
}

#[tokio::test]
async fn what_is_for_one_person_is_not_kept_and_what_is_for_all_is_asked_for_again() {
    let world = world(|_| ());
    let token = world.token(&[]);
    let public = world.ask("GET", "/api/products", &[]).await;
    assert_eq!(public.header("cache-control"), "public, no-cache");
    let own = world.ask("GET", "/api/products", &[("authorization", &token)]).await;
    assert_eq!(own.header("cache-control"), "no-store");
    for (method, path) in [
        ("GET", "/api/orders"),
        ("GET", "/api/nothing"),
        ("DELETE", "/api/products"),
    ] {
        assert_eq!(
            world.ask(method, path, &[]).await.header("cache-control"),
            "no-store",
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_compressed_answer_has_a_weak_tag_by_which_it_is_known_again() {
    let world = world(|_| ());
    let plain = world.ask("GET", "/api/products", &[]).await;
    assert_eq!(
        (plain.header("etag"), plain.header("vary")),
        ("\"1.a\"", "accept-encoding")
    );
    let compressed = world
        .ask("GET", "/api/products", &[("accept-encoding", "br, gzip")])
        .await;
    assert_eq!(
        (compressed.header("content-encoding"), compressed.header("etag")),
        ("gzip", "W/\"1.a\"")
    );
    assert_eq!(compressed.header("vary"), "accept-encoding");
    let tag = compressed.header("etag");
    let again = [("accept-encoding", "br, gzip"), ("if-none-match", tag)];
    let again = world.ask("GET", "/api/products", &again).await;
    assert_eq!((again.status, again.header("content-encoding")), (304, ""));
}

#[tokio::test]
async fn a_client_that_takes_no_encoding_at_all_still_gets_its_answer() {
    let world = world(|_| ());
    let headers = [("accept-encoding", "identity;q=0, *;q=0")];
    let answer = world.send("POST", "/api/auth/login", &headers, "{}".into()).await;
    assert_eq!((answer.status, answer.body["body"].as_str()), (200, Some("{}")));
}

#[tokio::test]
async fn the_documentation_may_run_its_own_scripts_and_no_others() {
    let world = world(|_| ());
    for path in ["/docs/", "/docs/problems"] {
        let answer = world.ask("GET", path, &[]).await;
        assert_eq!(answer.status, 200);
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'self'"), "{path}: {policy}");
        assert!(!policy.contains("http") && !policy.contains('*'), "{path}: {policy}");
    }
}
