//! Services in other processes: dead, slow, silent and new ones. Asked for what no gateway keeps, so that every request is a call.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use api_gateway::{RemoteUpstream, UpstreamService};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use futures::stream;
use platform_identity::Role;
use platform_rpc::{Outgoing, Place};
use platform_testing::{Fault, FaultProxy};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::world::{World, echo, world};

/// A service on a port of its own, and how often it was asked.
struct Replica {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Replica {
    async fn start() -> Self {
        let asked = Arc::<AtomicUsize>::default();
        let count = asked.clone();
        let app = Router::new().fallback(move |request: Request| {
            count.fetch_add(1, Ordering::SeqCst);
            echo(request)
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A shop whose services are at these addresses.
fn shop(addresses: &[SocketAddr]) -> World {
    let world = world(|_| ());
    let urls: Vec<String> = addresses.iter().map(|address| format!("http://{address}")).collect();
    let target = urls.join(",").parse().unwrap();
    let remote = RemoteUpstream::new("test", &target, &Outgoing::default());
    let service = Arc::new(UpstreamService::new(remote));
    world.upstreams.product.turn(Place::Remote, service);
    world
}

async fn dead_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_request_reaches_a_remote_service_as_it_would_a_local_one() {
    let replica = Replica::start().await;
    let world = shop(&[replica.address]);
    let token = world.token(&[]);
    let claims = [
        ("authorization", token.as_str()),
        ("x-user-id", "1"),
        ("x-forwarded-for", "6.6.6.6"),
        ("x-request-timeout-ms", "1"),
        ("cookie", "a=b"),
    ];
    let answer = world.ask("GET", "/api/orders", &claims).await;
    assert_eq!((answer.status, answer.header("etag")), (200, "\"1.a\""));
    assert!(!answer.headers.contains_key("server") && !answer.headers.contains_key("transfer-encoding"));
    assert_eq!(answer.reached("host"), Some(replica.address.to_string().as_str()));
    assert_eq!(answer.reached("authorization"), Some(token.as_str()));
    assert_eq!(answer.reached("x-forwarded-for"), Some("192.0.2.1"));
    assert_eq!((answer.reached("x-user-id"), answer.reached("cookie")), (None, None));
    let told: u64 = answer.reached("x-request-timeout-ms").unwrap().parse().unwrap();
    assert!((9_000..10_000).contains(&told), "{told}");
}

#[tokio::test]
async fn a_service_never_sees_a_length_beside_a_chunked_body() {
    let replica = Replica::start().await;
    let world = shop(&[replica.address]);
    let headers = [("content-length", "4")];
    let chunks = || stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"1234"))]);
    let chunked = world
        .send("POST", "/api/auth/login", &headers, Body::from_stream(chunks()))
        .await;
    assert_eq!((chunked.status, chunked.body["body"].as_str()), (200, Some("1234")));
    let framing = (chunked.reached("content-length"), chunked.reached("transfer-encoding"));
    assert_eq!(framing, (None, Some("chunked")));
    let whole = world
        .send("POST", "/api/auth/login", &headers, Body::from("1234"))
        .await;
    let framing = (whole.reached("content-length"), whole.reached("transfer-encoding"));
    assert_eq!(framing, (Some("4"), None));
}

#[tokio::test]
async fn the_fault_of_a_client_is_told_to_the_client() {
    let replica = Replica::start().await;
    let world = shop(&[replica.address]);
    let login = async |chunks: Vec<std::io::Result<Bytes>>| {
        let body = Body::from_stream(stream::iter(chunks));
        world.send("POST", "/api/auth/login", &[], body).await.status
    };
    let part = || Ok(Bytes::from_static(b"12345"));
    for _ in 0..5 {
        assert_eq!(login(vec![part(), Err(std::io::Error::other("reset"))]).await, 400);
        assert_eq!(login(vec![part(), part(), part()]).await, 413);
    }
    assert_eq!(login(vec![part()]).await, 200, "and no breaker has opened");
}

/// A server that answers each head with an empty object, and how many connections it was given.
async fn bare_server(closes_after_an_answer: bool) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::<AtomicUsize>::default();
    let count = connections.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut stream = BufStream::new(stream);
                let mut line = String::new();
                while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
                    if line == "\r\n" {
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                        stream.write_all(answer).await.unwrap();
                        stream.flush().await.unwrap();
                        if closes_after_an_answer {
                            return;
                        }
                    }
                    line.clear();
                }
            });
        }
    });
    (address, connections)
}

#[tokio::test]
async fn a_connection_is_used_again_and_one_that_was_closed_is_not() {
    for (closes, expected) in [(false, 1), (true, 5)] {
        let (address, connections) = bare_server(closes).await;
        let world = shop(&[address]);
        for _ in 0..5 {
            // Nothing that could be sent twice.
            let answer = world.ask("POST", "/api/auth/login", &[]).await;
            assert_eq!(answer.status, 200);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(connections.load(Ordering::SeqCst), expected);
    }
}

#[tokio::test]
async fn where_nobody_listens_another_is_asked_whatever_the_method() {
    let replica = Replica::start().await;
    let world = shop(&[dead_address().await, replica.address]);
    let admin = world.token(&[Role::Admin]);
    for _ in 0..20 {
        let admin = [("authorization", admin.as_str())];
        assert_eq!(world.ask("GET", "/api/orders", &admin).await.status, 200);
        let write = world.send("POST", "/api/products", &admin, Body::from("{}")).await;
        assert_eq!(write.status, 200);
    }
    let alone = shop(&[dead_address().await]);
    let answer = alone.ask("GET", "/api/products", &[]).await;
    assert_eq!(
        (answer.status, answer.body["code"].as_str()),
        (503, Some("unavailable"))
    );
    assert!(answer.headers.contains_key("retry-after") && !answer.body.to_string().contains("127.0.0.1"));
}

#[tokio::test]
async fn what_may_have_been_done_is_repeated_only_where_that_is_safe() {
    let (one, other) = (Replica::start().await, Replica::start().await);
    let lossy = |replica: &Replica| FaultProxy::start("127.0.0.1:0".parse().unwrap(), replica.address);
    let (first, second) = (lossy(&one).await, lossy(&other).await);
    first.set(Fault::LoseAnswers).await;
    second.set(Fault::LoseAnswers).await;
    let tries = async |method: &str, path: &str, headers: &[(&str, &str)]| {
        let world = shop(&[first.address(), second.address()]);
        let (admin, before) = (world.token(&[Role::Admin]), one.asked() + other.asked());
        let headers = [headers, &[("authorization", admin.as_str())]].concat();
        let answer = world.ask(method, path, &headers).await;
        assert_eq!(
            (answer.status, answer.body["code"].as_str()),
            (502, Some("bad_gateway")),
            "{method} {path}"
        );
        one.asked() + other.asked() - before
    };
    assert_eq!(tries("GET", "/api/products", &[]).await, 2);
    assert_eq!(tries("POST", "/api/orders", &[("idempotency-key", "k")]).await, 2);
    assert_eq!(
        tries("POST", "/api/products", &[("idempotency-key", "k")]).await,
        1,
        "it declares no key"
    );
    assert_eq!(tries("POST", "/api/auth/login", &[]).await, 1);
}

#[tokio::test]
async fn a_silent_replica_is_left_out_within_two_seconds_and_a_reader_notices_no_error() {
    let replicas = [Replica::start().await, Replica::start().await, Replica::start().await];
    let proxy = FaultProxy::start("127.0.0.1:0".parse().unwrap(), replicas[0].address).await;
    let world = Arc::new(shop(&[proxy.address(), replicas[1].address, replicas[2].address]));
    let token = Arc::new(world.token(&[]));
    proxy.set(Fault::Blackhole).await;
    let read_for = async |time| {
        let began = Instant::now();
        while began.elapsed() < time {
            read_at_once(8, &world, &token).await;
        }
    };
    // Who waited for it in vain gives its connection up.
    read_for(Duration::from_secs(2)).await;
    let met = proxy.connections();
    assert!(met > 0, "nobody met the silent replica, so this proves nothing");
    read_for(Duration::from_secs(1)).await;
    // By now single requests try it, one at a time and ever more rarely.
    let still = proxy.connections() - met;
    assert!(still <= 2, "{still} requests still went to it");
}

/// So many readers at the same time, none of whom sees an error.
async fn read_at_once(count: usize, world: &Arc<World>, token: &Arc<String>) {
    let mut readers = JoinSet::new();
    for _ in 0..count {
        let (world, token) = (world.clone(), token.clone());
        readers.spawn(async move {
            world
                .ask("GET", "/api/orders", &[("authorization", &token)])
                .await
                .status
        });
    }
    assert!(readers.join_all().await.iter().all(|status| *status == 200));
}

#[tokio::test]
async fn a_reader_for_whom_no_retry_is_left_waits_for_one() {
    let replicas = [Replica::start().await, Replica::start().await];
    let proxy = FaultProxy::start("127.0.0.1:0".parse().unwrap(), replicas[0].address).await;
    let world = Arc::new(shop(&[proxy.address(), replicas[1].address]));
    let token = Arc::new(world.token(&[]));
    proxy.set(Fault::Blackhole).await;
    read_at_once(24, &world, &token).await;
    let met = proxy.connections();
    assert!(
        met > 3 + 24 / 5,
        "{met} met the silent replica, for each of whom a retry was there"
    );
}
