//! What is kept of public answers: how long, for whom, and what ends it.

mod failures;
mod same;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api_gateway::UpstreamService;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::future::join_all;
use futures::stream;
use http::HeaderName;
use platform_clock::{Clock, SystemClock};
use platform_events::{Bus, Event, InProcessBus};
use platform_identity::Role;
use platform_problem::{Problem, ProblemType, codes};
use platform_rpc::Place;
use platform_runtime::extract::{IfNoneMatch, etag};
use serde_json::json;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::world::{Answer, World, world};

/// Products in another process: each has a version, which is all that is told of it.
#[derive(Clone)]
struct Products {
    versions: Arc<Mutex<HashMap<String, i64>>>,
    asked: Arc<AtomicUsize>,
    asked_now: Arc<AtomicUsize>,
    broken: Arc<Mutex<Option<&'static ProblemType>>>,
    /// Begins answers and does not end them.
    stalls: Arc<AtomicBool>,
    /// A header of every answer.
    header: Arc<Mutex<Option<(&'static str, &'static str)>>>,
    gate: Arc<Semaphore>,
}

const OPEN: usize = 1_000_000;

/// A call until it ends, by an answer or because nobody waits for one.
struct Call(Arc<AtomicUsize>);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Products {
    fn behind(world: &World) -> Self {
        let products = Self {
            versions: Arc::default(),
            asked: Arc::default(),
            asked_now: Arc::default(),
            broken: Arc::default(),
            stalls: Arc::default(),
            header: Arc::default(),
            gate: Arc::new(Semaphore::new(OPEN)),
        };
        let served = products.clone();
        let handler = move |request: Request| {
            let served = served.clone();
            async move { served.answer(request).await }
        };
        let service = UpstreamService::new(Router::new().fallback(handler));
        world.upstreams.product.turn(Place::Remote, Arc::new(service));
        products
    }

    async fn answer(&self, request: Request) -> Response {
        let (parts, _) = request.into_parts();
        let path = parts.uri.path();
        if parts.method == "POST" {
            return "null".into_response();
        }
        if parts.method == "PUT" {
            let mut versions = self.versions.lock().unwrap();
            *versions.entry(path.to_owned()).or_default() += 1;
            return "null".into_response();
        }
        self.asked_now.fetch_add(1, Ordering::SeqCst);
        let _call = Call(self.asked_now.clone());
        self.asked.fetch_add(1, Ordering::SeqCst);
        // Read before the gate: what is on its way is what was.
        let found = self.versions.lock().unwrap().get(path).copied();
        let _passed = self.gate.acquire().await.unwrap();
        let broken = *self.broken.lock().unwrap();
        if let Some(code) = broken {
            return Problem::new(code).into_response();
        }
        let Some(version) = found else {
            return Problem::new(&codes::NOT_FOUND).into_response();
        };
        if self.stalls.load(Ordering::SeqCst) {
            return Response::new(Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>()));
        }
        let mut told: Vec<&str> = parts.headers.keys().map(HeaderName::as_str).collect();
        told.sort_unstable();
        let wanted = IfNoneMatch::of_headers(&parts.headers);
        let mut response = etag::conditional(&wanted, &format!("\"{version}.a\""), || {
            axum::Json(json!({"version": version, "told": told})).into_response()
        });
        if let Some((name, value)) = *self.header.lock().unwrap() {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        response
    }

    fn set(&self, path: &str, version: i64) {
        self.versions.lock().unwrap().insert(path.to_owned(), version);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Lets nobody through from now on.
    fn close(&self) {
        self.gate.forget_permits(OPEN);
    }

    fn open(&self) {
        self.gate.add_permits(OPEN);
    }

    async fn until_asked(&self, times: usize) {
        while self.asked() < times {
            tokio::task::yield_now().await;
        }
    }
}

/// A shop, its products, and one of them.
fn shop() -> (World, Products, Uuid, String) {
    let world = world(|_| {});
    let products = Products::behind(&world);
    let id = SystemClock.new_id();
    let path = format!("/api/products/{id}");
    products.set(&path, 1);
    (world, products, id, path)
}

fn version(answer: &Answer) -> i64 {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["version"].as_i64().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_shown_for_a_second_and_asked_for_anew_near_its_end() {
    let (world, products, _, path) = shop();
    let seen = async || version(&world.ask("GET", &path, &[]).await);
    assert_eq!((seen().await, seen().await, products.asked()), (1, 1, 1));
    products.set(&path, 2);
    tokio::time::advance(Duration::from_millis(900)).await;
    assert_eq!(seen().await, 1, "it is shown while it is asked for");
    products.until_asked(2).await;
    while seen().await == 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(products.asked(), 2);
    products.set(&path, 3);
    tokio::time::advance(Duration::from_millis(1_001)).await;
    assert_eq!(
        (seen().await, products.asked()),
        (3, 3),
        "a second later it is not shown any more"
    );
}

#[tokio::test]
async fn a_thousand_who_ask_at_once_are_one_call() {
    let (world, products, _, path) = shop();
    products.close();
    let crowd = join_all((0..1_000).map(|_| world.ask("GET", &path, &[])));
    let open = async {
        products.until_asked(1).await;
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        products.open();
    };
    let (answers, ()) = tokio::join!(crowd, open);
    // Some may have been turned away at the door, which has its own tests.
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(served > 100, "{served}");
    assert_eq!(products.asked(), 1);
}

#[tokio::test]
async fn who_asked_first_may_leave() {
    let (world, products, _, path) = shop();
    products.close();
    {
        let first = world.ask("GET", &path, &[]);
        tokio::select! {
            _ = first => panic!("the gate is closed"),
            () = products.until_asked(1) => {}
        }
    }
    let open = async { products.open() };
    let (answer, ()) = tokio::join!(world.ask("GET", &path, &[]), open);
    assert_eq!((version(&answer), products.asked()), (1, 1));
}

#[tokio::test]
async fn everybody_gets_the_same_answer_but_those_who_run_the_shop() {
    let (world, products, _, path) = shop();
    let customer = world.token(&[Role::Customer]);
    let about_me = [
        ("authorization", &*customer),
        ("accept-language", "nl"),
        ("x-host", "evil"),
    ];
    let first = world.ask("GET", &path, &about_me).await;
    assert_eq!(
        first.body["told"],
        json!([]),
        "nothing that one client says is behind an answer for everybody"
    );
    let second = world.ask("GET", &path, &[]).await;
    assert_eq!((first.body, products.asked()), (second.body, 1));
    let admin = world.token(&[Role::Customer, Role::Admin]);
    for asked in [2, 3] {
        let answer = world.ask("GET", &path, &[("authorization", &admin)]).await;
        let told = answer.body["told"].as_array().unwrap();
        assert!(told.contains(&json!("authorization")));
        assert_eq!(products.asked(), asked);
    }
}

#[tokio::test]
async fn who_has_it_already_is_told_so_without_a_call() {
    let (world, products, _, path) = shop();
    let whole = world.ask("GET", &path, &[]).await;
    let tag = whole.header("etag").to_owned();
    let known = world.ask("GET", &path, &[("if-none-match", &tag)]).await;
    assert_eq!((known.status, known.header("etag")), (304, &*tag));
    let head = world.ask("HEAD", &path, &[]).await;
    assert_eq!(
        (head.status, head.header("etag"), &head.body),
        (200, &*tag, &json!(null))
    );
    assert_eq!(products.asked(), 1);
    // And the other way round: a condition is not part of what is kept.
    let (world, products, _, path) = shop();
    let known = world.ask("GET", &path, &[("if-none-match", &tag)]).await;
    assert_eq!(known.status, 304);
    assert_eq!((version(&world.ask("GET", &path, &[]).await), products.asked()), (1, 1));
}

#[tokio::test]
async fn other_queries_are_other_answers_and_the_same_one_in_other_words_is_not() {
    let (world, products, ..) = shop();
    products.set("/api/products", 7);
    let queries = [
        ["", "?", "?&"],
        ["?limit=1", "?limit=%31", "?limit=1&"],
        ["?limit=2", "?&limit=2", "?li%6Dit=2"],
        ["?q=a+b&tag=c", "?tag=c&q=a+b", "?tag=c&q=a%20b"],
        ["?q=a%26tag%3Dc", "?q=%61%26tag%3dc", "?q=a%26tag=c"],
        ["?a=1&a-b=1", "?a-b=1&a=1", "?%61=1&a-b=1"],
        ["?q", "?q=", "?q=&"],
    ];
    for (already, words) in queries.iter().enumerate() {
        for query in words {
            world.ask("GET", &format!("/api/products{query}"), &[]).await;
            assert_eq!(products.asked(), already + 1, "{query}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_says_it_is_for_one_is_not_given_to_another() {
    for header in [
        ("set-cookie", "session=1"),
        ("vary", "accept-language"),
        ("cache-control", "max-age=9, private"),
        ("cache-control", "No-Store"),
    ] {
        let (world, products, _, path) = shop();
        *products.header.lock().unwrap() = Some(header);
        for _ in 0..2 {
            let before = products.asked();
            let answer = world.ask("GET", &path, &[("accept-language", "nl")]).await;
            let told = answer.body["told"].as_array().unwrap();
            assert!(told.contains(&json!("accept-language")), "{header:?}");
            assert!(products.asked() > before, "{header:?}");
        }
    }
}

#[tokio::test]
async fn a_gateway_reads_what_it_wrote() {
    let (world, products, _, path) = shop();
    products.set("/api/products", 1);
    world.ask("GET", &path, &[]).await;
    world.ask("GET", "/api/products", &[]).await;
    let admin = world.token(&[Role::Customer, Role::Admin]);
    let written = world.ask("PUT", &path, &[("authorization", &admin)]).await;
    assert_eq!(written.status, 200);
    products.set("/api/products", 2);
    assert_eq!(version(&world.ask("GET", &path, &[]).await), 2);
    assert_eq!(version(&world.ask("GET", "/api/products", &[]).await), 2);
    assert_eq!(products.asked(), 4);
}

#[tokio::test]
async fn what_is_created_changes_lists_and_a_write_at_large_anything() {
    let (world, products, _, path) = shop();
    products.set("/api/products", 1);
    let admin = world.token(&[Role::Customer, Role::Admin]);
    let look = async || {
        world.ask("GET", &path, &[]).await;
        world.ask("GET", "/api/products", &[]).await;
        products.asked()
    };
    assert_eq!((look().await, look().await), (2, 2));
    world.ask("POST", "/api/products", &[("authorization", &admin)]).await;
    assert_eq!(look().await, 3, "the list");
    world
        .ask("POST", "/api/products/import", &[("authorization", &admin)])
        .await;
    assert_eq!(look().await, 5, "the product and the list");
    let refused = world.ask("POST", "/api/products/import", &[]).await;
    assert_eq!(
        (refused.status, look().await),
        (401, 5),
        "nobody ends it but who may write"
    );
}

async fn tell(bus: &InProcessBus, kind: &str, id: Uuid) {
    let now = SystemClock.now();
    let event = Event::new(SystemClock.new_id(), kind, "/product-service", &id, now, &());
    bus.publish(&[event.unwrap()]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_event_ends_what_was_kept_at_every_gateway() {
    let bus = InProcessBus::new(Arc::new(SystemClock));
    let (here, at_home, id, path) = shop();
    let there = world(|_| {});
    let abroad = Products::behind(&there);
    let other = format!("/api/products/{}", SystemClock.new_id());
    for (world, products) in [(&here, &at_home), (&there, &abroad)] {
        world.whole.follow(&bus).await.unwrap();
        for path in [&path, &other, "/api/products"] {
            products.set(path, 1);
            world.ask("GET", path, &[]).await;
            products.set(path, 2);
        }
    }
    tell(&bus, "stock.changed.v1", id).await;
    for world in [&here, &there] {
        while version(&world.ask("GET", &path, &[]).await) == 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            version(&world.ask("GET", "/api/products", &[]).await),
            1,
            "lists may be a second old"
        );
        assert_eq!(version(&world.ask("GET", &other, &[]).await), 1);
    }
    tell(&bus, "product.updated.v1", id).await;
    for world in [&here, &there] {
        while version(&world.ask("GET", "/api/products", &[]).await) == 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(version(&world.ask("GET", &other, &[]).await), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_on_its_way_when_it_changed_is_not_kept_and_not_given_to_who_asks_afterwards() {
    let (world, products, _, path) = shop();
    products.close();
    let admin = world.token(&[Role::Customer, Role::Admin]);
    let change = async {
        products.until_asked(1).await;
        world.ask("PUT", &path, &[("authorization", &admin)]).await;
        let later = world.ask("GET", &path, &[]);
        let open = async {
            products.until_asked(2).await;
            products.open();
        };
        tokio::join!(later, open).0
    };
    let (early, later) = tokio::join!(world.ask("GET", &path, &[]), change);
    assert_eq!((version(&early), version(&later)), (1, 2));
    assert_eq!((version(&world.ask("GET", &path, &[]).await), products.asked()), (2, 2));
}

#[tokio::test]
async fn a_service_of_the_same_process_is_always_asked() {
    let (world, products, _, path) = shop();
    let service = world.upstreams.product.for_reading();
    world.upstreams.product.turn(Place::Local, service);
    for asked in [1, 2] {
        world.send("GET", &path, &[], Body::empty()).await;
        assert_eq!(products.asked(), asked);
    }
}
