//! What a call does, over both transports.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use platform_clock::{Clock, ManualClock};
use platform_context::{REQUEST_ID, RequestContext, deadline};
use platform_rpc::{
    Call, Credential, Grpc, Http, IssuedToken, Neighbour, NoAnswer, Outgoing, Target, TokenError, TokenIssuer,
    Transport,
};
use platform_testing::{Fault, FaultProxy};
use tokio::time::Instant;

use crate::names::Names;
use crate::replica::{Does, Replica};

/// Expands every test for each transport, so that none can be forgotten.
macro_rules! over_both {
    ($($name:ident)*) => {
        mod http1 {
            $(#[tokio::test] async fn $name() { super::$name::<super::Http>().await; })*
        }
        mod grpc {
            $(#[tokio::test] async fn $name() { super::$name::<super::Grpc>().await; })*
        }
    };
}

over_both! {
    a_call_tells_who_asks_for_what_request_and_how_long_it_waits
    a_call_ends_with_the_deadline_of_its_request
    what_fails_is_tried_elsewhere_if_it_is_harmless
    what_may_have_arrived_is_not_repeated_if_it_has_effects
    what_was_never_sent_is_sent_elsewhere_whatever_it_is
    a_connection_that_is_not_made_in_time_counts_as_none
    a_hanging_endpoint_has_the_callers_patience_only_if_another_can_be_asked
    a_refusal_is_an_answer
    a_redirect_is_not_followed
    an_answer_without_end_is_not_read
    retries_stay_within_their_budget
    readers_do_not_notice_a_blackholed_replica
    a_reader_for_whom_no_retry_is_left_waits_for_one
    without_proof_nothing_is_sent
    a_token_that_is_not_accepted_is_renewed
    an_idle_connection_is_used_again
}

const PATIENCE: Duration = Duration::from_millis(100);

fn target(addresses: &[SocketAddr]) -> Target {
    let urls: Vec<String> = addresses.iter().map(|address| format!("http://{address}")).collect();
    urls.join(",").parse().unwrap()
}

fn neighbour<T: Transport>(addresses: &[SocketAddr]) -> Neighbour<T> {
    Neighbour::new("goods", &target(addresses), &Outgoing::default(), None)
}

fn read() -> Call {
    Call::get("/read").patience(PATIENCE)
}

fn write() -> Call {
    Call::post("/write").patience(PATIENCE)
}

fn total(replicas: &[&Replica]) -> usize {
    replicas.iter().map(|replica| replica.count()).sum()
}

/// An address at which nobody listens.
fn nobody() -> SocketAddr {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap()
}

async fn a_call_tells_who_asks_for_what_request_and_how_long_it_waits<T: Transport>() {
    let replica = Replica::start();
    let names = Names::default();
    names.set("goods", &[IpAddr::from([127, 0, 0, 1])]);
    let target = format!("http://goods:{}", replica.address.port()).parse().unwrap();
    let credential = Credential::new(Issuer::default(), Arc::new(ManualClock::default()));
    let neighbour = Neighbour::<T>::new("goods", &target, &names.outgoing(), Some(credential));
    let trace = HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let given = HeaderMap::from_iter([
        (REQUEST_ID, HeaderValue::from_static("r1")),
        ("traceparent".parse().unwrap(), trace),
    ]);
    let mut context = RequestContext::of_headers(&given, &ManualClock::default());
    context.narrow_deadline(Instant::now() + Duration::from_millis(800));
    let answer = context
        .scope(async move { neighbour.call(read()).await })
        .await
        .unwrap();

    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.into_body().to_bytes(), "hello");
    let sent = replica.last();
    assert_eq!(sent[REQUEST_ID], "r1");
    assert_eq!(sent[header::HOST], format!("goods:{}", replica.address.port()));
    assert_eq!(sent[header::AUTHORIZATION], "Bearer token-1");
    let traceparent = sent["traceparent"].to_str().unwrap();
    assert!(
        traceparent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"),
        "{traceparent}"
    );
    let told = deadline::timeout_of(&sent).unwrap().as_millis();
    assert!((500..=780).contains(&told), "less than what was left: {told}");
    assert!(sent.contains_key(T::TIMEOUT_HEADER));
}

async fn a_call_ends_with_the_deadline_of_its_request<T: Transport>() {
    let replica = Replica::start();
    replica.set(Does::Hang);
    let neighbour = neighbour::<T>(&[replica.address]);
    let mut context = RequestContext::detached();
    let begun = Instant::now();
    context.narrow_deadline(begun + Duration::from_millis(150));
    let late = neighbour.clone();
    let error = context.scope(async move { late.call(read()).await }).await.unwrap_err();
    assert!(
        matches!(error.reason(), NoAnswer::TimedOut) && error.was_sent(),
        "{error:?}"
    );
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_millis(150) && took < Duration::from_secs(1),
        "{took:?}"
    );

    let gone = context
        .scope(async move { neighbour.call(read()).await })
        .await
        .unwrap_err();
    assert!(
        matches!(gone.reason(), NoAnswer::NoTime) && !gone.was_sent(),
        "{gone:?}"
    );
    assert_eq!(replica.count(), 1);
}

async fn what_fails_is_tried_elsewhere_if_it_is_harmless<T: Transport>() {
    for fault in [
        Fault::Drop,
        Fault::Reset,
        Fault::Blackhole,
        Fault::LoseAnswers,
        Fault::Refuse,
    ] {
        let replica = Replica::start();
        let proxy = FaultProxy::start("127.0.0.1:0".parse().unwrap(), replica.address).await;
        let well = Replica::start();
        let neighbour = neighbour::<T>(&[proxy.address(), well.address]);
        proxy.set(fault).await;
        for _ in 0..8 {
            let answer = neighbour.call(read()).await;
            assert!(answer.is_ok(), "{fault:?}: {answer:?}");
        }
        assert_eq!(well.count(), 8, "{fault:?}");
    }
    let (busy, well) = (Replica::start(), Replica::start());
    busy.set(Does::Status(StatusCode::SERVICE_UNAVAILABLE));
    let neighbour = neighbour::<T>(&[busy.address, well.address]);
    for _ in 0..8 {
        assert_eq!(neighbour.call(read()).await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(well.count(), 8);
    assert!(busy.count() > 0);
}

async fn what_may_have_arrived_is_not_repeated_if_it_has_effects<T: Transport>() {
    let replicas = [Replica::start(), Replica::start()];
    let mut proxies = Vec::new();
    for replica in &replicas {
        let proxy = FaultProxy::start("127.0.0.1:0".parse().unwrap(), replica.address).await;
        proxy.set(Fault::LoseAnswers).await;
        proxies.push(proxy);
    }
    let neighbour = neighbour::<T>(&[proxies[0].address(), proxies[1].address()]);
    let error = neighbour.call(write()).await.unwrap_err();
    assert!(error.was_sent(), "{error:?}");
    assert_eq!(total(&[&replicas[0], &replicas[1]]), 1, "it arrived once");
}

async fn what_was_never_sent_is_sent_elsewhere_whatever_it_is<T: Transport>() {
    let well = Replica::start();
    let neighbour = neighbour::<T>(&[nobody(), well.address]);
    for _ in 0..8 {
        let answer = neighbour.call(write()).await;
        assert!(answer.is_ok(), "{answer:?}");
    }
    let alone = self::neighbour::<T>(&[nobody()]).call(write()).await.unwrap_err();
    assert!(!alone.was_sent(), "{alone:?}");
}

async fn a_connection_that_is_not_made_in_time_counts_as_none<T: Transport>() {
    use socket2::{Domain, Socket, Type};
    // A queue of one that is full: the kernel lets further attempts go unanswered.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket
        .bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into())
        .unwrap();
    socket.listen(0).unwrap();
    let full = socket.local_addr().unwrap().as_socket().unwrap();
    let _queued = tokio::net::TcpStream::connect(full).await.unwrap();

    let begun = Instant::now();
    let error = neighbour::<T>(&[full]).call(write()).await.unwrap_err();
    assert!(matches!(error.reason(), NoAnswer::NotConnected(_)), "{error:?}");
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_millis(500) && took < Duration::from_millis(1500),
        "{took:?}"
    );
}

async fn a_hanging_endpoint_has_the_callers_patience_only_if_another_can_be_asked<T: Transport>() {
    let (hanging, well) = (Replica::start(), Replica::start());
    hanging.set(Does::Hang);
    let both = neighbour::<T>(&[hanging.address, well.address]);
    while hanging.count() == 0 {
        let begun = Instant::now();
        both.call(read()).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
    let begun = Instant::now();
    let alone = neighbour::<T>(&[hanging.address])
        .call(read().within(4 * PATIENCE))
        .await;
    assert!(matches!(alone.unwrap_err().reason(), NoAnswer::TimedOut));
    assert!(begun.elapsed() >= 4 * PATIENCE);
}

async fn a_refusal_is_an_answer<T: Transport>() {
    let (replica, other) = (Replica::start(), Replica::start());
    let neighbour = neighbour::<T>(&[replica.address, other.address]);
    for status in [
        StatusCode::NOT_FOUND,
        StatusCode::CONFLICT,
        StatusCode::TOO_MANY_REQUESTS,
    ] {
        replica.set(Does::Status(status));
        other.set(Does::Status(status));
        for _ in 0..4 {
            assert_eq!(neighbour.call(read()).await.unwrap().status(), status);
        }
    }
    assert_eq!(total(&[&replica, &other]), 12, "none was tried again");
}

async fn a_redirect_is_not_followed<T: Transport>() {
    let replica = Replica::start();
    replica.set(Does::Redirect);
    let answer = neighbour::<T>(&[replica.address]).call(read()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND);
    assert_eq!(replica.count(), 1);
}

async fn an_answer_without_end_is_not_read<T: Transport>() {
    let replica = Replica::start();
    replica.set(Does::Send(17 * 1024 * 1024));
    let error = neighbour::<T>(&[replica.address]).call(read()).await.unwrap_err();
    assert!(matches!(error.reason(), NoAnswer::Broken(_)), "{error:?}");
}

async fn retries_stay_within_their_budget<T: Transport>() {
    let replicas = [Replica::start(), Replica::start(), Replica::start()];
    for replica in &replicas {
        replica.set(Does::Status(StatusCode::SERVICE_UNAVAILABLE));
    }
    let neighbour = neighbour::<T>(&[replicas[0].address, replicas[1].address, replicas[2].address]);
    let begun = Instant::now();
    for _ in 0..200 {
        assert_eq!(
            neighbour.call(read()).await.unwrap().status(),
            StatusCode::SERVICE_UNAVAILABLE
        );
    }
    let tries = total(&[&replicas[0], &replicas[1], &replicas[2]]);
    let most = 200 + 200 / 5 + 3 * (2 + usize::try_from(begun.elapsed().as_secs()).unwrap());
    assert!((220..=most).contains(&tries), "{tries} tries of 200 calls");
}

async fn readers_do_not_notice_a_blackholed_replica<T: Transport>() {
    let replicas = [Replica::start(), Replica::start(), Replica::start()];
    let mut proxies = Vec::new();
    for replica in &replicas {
        proxies.push(FaultProxy::start("127.0.0.1:0".parse().unwrap(), replica.address).await);
    }
    let addresses: Vec<SocketAddr> = proxies.iter().map(FaultProxy::address).collect();
    let neighbour = neighbour::<T>(&addresses);
    let failed = Arc::new(AtomicU32::new(0));
    let mut calls = tokio::task::JoinSet::new();
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    for call in 0..600 {
        ticks.tick().await;
        if call == 100 {
            proxies[0].set(Fault::Blackhole).await;
        }
        let (neighbour, failed) = (neighbour.clone(), failed.clone());
        calls.spawn(async move {
            if neighbour.call(Call::get("/read")).await.is_err() {
                failed.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    calls.join_all().await;
    let failed = failed.load(Ordering::Relaxed);
    assert!(failed <= 3, "0.5 % of 600: {failed}");
}

async fn a_reader_for_whom_no_retry_is_left_waits_for_one<T: Transport>() {
    let (hanging, well) = (Replica::start(), Replica::start());
    hanging.set(Does::Hang);
    let neighbour = neighbour::<T>(&[hanging.address, well.address]);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..24 {
        let neighbour = neighbour.clone();
        calls.spawn(async move { neighbour.call(read().within(Duration::from_secs(20))).await });
    }
    let failed = calls.join_all().await.into_iter().find_map(Result::err);
    assert!(failed.is_none(), "{failed:?}");
    assert!(
        hanging.count() > 3 + 24 / 5,
        "there was a retry for each of {}",
        hanging.count()
    );
}

/// Counts the tokens it gives out.
#[derive(Default)]
struct Issuer {
    issued: AtomicU32,
    refuses: bool,
}

#[async_trait]
impl TokenIssuer for Issuer {
    async fn issue(&self) -> Result<IssuedToken, TokenError> {
        if self.refuses {
            return Err(TokenError::Refused);
        }
        let number = self.issued.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(IssuedToken {
            token: format!("token-{number}"),
            expires_at: ManualClock::default().now().plus(Duration::from_hours(1)),
        })
    }
}

async fn without_proof_nothing_is_sent<T: Transport>() {
    let replica = Replica::start();
    let issuer = Issuer {
        refuses: true,
        ..Issuer::default()
    };
    let credential = Credential::new(issuer, Arc::new(ManualClock::default()));
    let outgoing = Outgoing::default();
    let neighbour = Neighbour::<T>::new("goods", &target(&[replica.address]), &outgoing, Some(credential));
    let error = neighbour.call(write()).await.unwrap_err();
    assert!(
        matches!(error.reason(), NoAnswer::NoToken(TokenError::Refused)),
        "{error:?}"
    );
    assert!(!error.was_sent());
    assert_eq!(replica.count(), 0);
}

async fn a_token_that_is_not_accepted_is_renewed<T: Transport>() {
    let replica = Replica::start();
    let credential = Credential::new(Issuer::default(), Arc::new(ManualClock::default()));
    let outgoing = Outgoing::default();
    let neighbour = Neighbour::<T>::new("goods", &target(&[replica.address]), &outgoing, Some(credential));
    replica.set(Does::Status(StatusCode::UNAUTHORIZED));
    neighbour.call(write()).await.unwrap();
    // A token that is as young as this one is not doubted at once.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    neighbour.call(write()).await.unwrap();
    assert_eq!(replica.last()[header::AUTHORIZATION], "Bearer token-1");
    while replica.last()[header::AUTHORIZATION] == "Bearer token-1" {
        neighbour.call(write()).await.unwrap();
    }
    assert_eq!(replica.last()[header::AUTHORIZATION], "Bearer token-2");
}

async fn an_idle_connection_is_used_again<T: Transport>() {
    let replica = Replica::start();
    let proxy = FaultProxy::start("127.0.0.1:0".parse().unwrap(), replica.address).await;
    let neighbour = neighbour::<T>(&[proxy.address()]);
    for _ in 0..10 {
        neighbour.call(read()).await.unwrap();
    }
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn a_proxy_that_the_environment_names_is_not_used() {
    let us = std::env::current_exe().unwrap();
    for transport in ["http1", "grpc"] {
        let test = format!("calls::{transport}::an_idle_connection_is_used_again");
        let mut child = std::process::Command::new(&us);
        for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
            child.env(name, format!("http://{}", nobody()));
        }
        let output = child.args(["--exact", &test]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("1 passed"), "{text}");
    }
}
