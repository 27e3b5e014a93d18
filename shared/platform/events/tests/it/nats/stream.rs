//! What the server is told and asked.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::stream::{Config, RetentionPolicy, Stream};
use platform_clock::SystemClock;
use platform_events::testing::{Recorder, event};
use platform_events::{Bus, DeadLetters, NatsBus, NatsConfig, NatsError, StreamLimits};
use platform_testing::NatsServer;

use super::{config, connect, connect_with, durable, numbered, subjects};

async fn raw(server: &NatsServer) -> jetstream::Context {
    jetstream::new(async_nats::connect(server.url()).await.unwrap())
}

async fn stream(server: &NatsServer) -> Stream {
    raw(server).await.get_stream("stoa").await.unwrap()
}

#[tokio::test]
async fn an_event_is_a_cloud_event_under_its_topic_with_its_id_and_trace() {
    let Some(server) = NatsServer::start().await else {
        return;
    };
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let sent = event("thing.made.v1", 7).with_traceparent(Some(traceparent.to_owned()));
    connect(&server)
        .await
        .publish(std::slice::from_ref(&sent))
        .await
        .unwrap();

    let message = stream(&server).await.get_raw_message(1).await.unwrap();
    assert_eq!(message.subject.as_str(), "thing.made");
    let header = |name: &str| message.headers.get(name).map(|value| value.as_str().to_owned());
    assert_eq!(header("Nats-Msg-Id"), Some(sent.id.to_string()));
    assert_eq!(header("Content-Type").as_deref(), Some("application/cloudevents+json"));
    assert_eq!(header("traceparent").as_deref(), Some(traceparent));
    assert_eq!(
        serde_json::from_slice::<platform_events::Event>(&message.payload).unwrap(),
        sent
    );
}

#[tokio::test]
async fn the_stream_grows_with_the_kinds_of_things_that_processes_tell_of() {
    let Some(server) = NatsServer::start().await else {
        return;
    };
    let (one, two) = (connect(&server).await, connect(&server).await);
    let (things, others) = ([event("thing.made.v1", 0)], [event("other.made.v1", 0)]);
    let (first, second) = tokio::join!(one.publish(&things), two.publish(&others));
    assert_eq!((first.unwrap(), second.unwrap()), (1, 1));
    let mut subjects = stream(&server).await.cached_info().config.subjects.clone();
    subjects.sort();
    assert_eq!(subjects, ["other.>", "thing.>"]);
    // A process that has not seen the growth goes on where it was.
    one.publish(&[event("other.made.v1", 1), event("thing.made.v1", 1)])
        .await
        .unwrap();
}

#[tokio::test]
async fn what_an_operator_asks_for_is_changed_and_the_rest_is_left_alone() {
    let Some(server) = NatsServer::start().await else {
        return;
    };
    connect(&server).await.publish(&numbered(0..1)).await.unwrap();
    let usual = stream(&server).await.cached_info().config.clone();
    assert_eq!((usual.num_replicas, usual.max_age), (1, Duration::from_hours(7 * 24)));
    assert_eq!(
        (usual.max_bytes, usual.duplicate_window),
        (1 << 30, Duration::from_mins(5))
    );

    let by_hand = Config {
        description: Some("by hand".to_owned()),
        max_bytes: 1 << 20,
        ..usual
    };
    raw(&server).await.update_stream(&by_hand).await.unwrap();
    let limits = StreamLimits {
        max_age: Some(Duration::from_hours(1)),
        ..StreamLimits::default()
    };
    let asking = NatsConfig {
        limits,
        ..config(&server)
    };
    connect_with(asking).await.publish(&numbered(1..2)).await.unwrap();
    let now = stream(&server).await.cached_info().config.clone();
    let expected = Config {
        max_age: Duration::from_hours(1),
        ..by_hand
    };
    assert_eq!(now, expected);
}

#[tokio::test]
async fn a_stream_that_somebody_made_otherwise_is_used_as_it_is() {
    let Some(server) = NatsServer::start().await else {
        return;
    };
    let other = Config {
        name: "stoa".to_owned(),
        subjects: vec!["thing.>".to_owned()],
        retention: RetentionPolicy::Interest,
        ..Config::default()
    };
    raw(&server).await.create_stream(other).await.unwrap();
    let (bus, taking) = (connect(&server).await, Recorder::taking());
    durable(&bus, &taking).await;
    // With this retention nothing is kept for those who come later.
    while stream(&server).await.cached_info().state.consumer_count == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bus.publish(&numbered(0..3)).await.unwrap();
    assert_eq!(taking.has_taken(3).await, subjects(0..3));
}

#[tokio::test]
async fn a_message_that_is_no_event_holds_up_nobody() {
    let Some(server) = NatsServer::start().await else {
        return;
    };
    let (bus, taking) = (connect(&server).await, Recorder::taking());
    let letters = durable(&bus, &taking).await;
    bus.publish(&numbered(0..1)).await.unwrap();
    let publisher = raw(&server).await;
    let junk = publisher.publish("thing.made", "junk".into()).await.unwrap();
    junk.await.unwrap();
    bus.publish(&numbered(1..2)).await.unwrap();
    assert_eq!(taking.has_taken(2).await, subjects(0..2));
    assert!(letters.list("t.things", None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_durable_subscription_is_a_consumer_that_an_operator_finds_by_its_name() {
    let Some(server) = NatsServer::start().await else {
        return;
    };
    let (bus, taking) = (connect(&server).await, Recorder::taking());
    durable(&bus, &taking).await;
    bus.publish(&numbered(0..3)).await.unwrap();
    taking.has_taken(3).await;
    bus.close().await;
    let consumer: PullConsumer = stream(&server).await.get_consumer("t-things").await.unwrap();
    let info = consumer.get_info().await.unwrap();
    assert_eq!(info.config.description.as_deref(), Some("t.things"));
    assert_eq!(
        (info.num_pending, info.num_ack_pending, info.ack_floor.stream_sequence),
        (0, 0, 3)
    );
}

#[tokio::test]
async fn a_login_comes_with_the_address() {
    let user = ["--user", "sto@", "--pass", "s3cr/t"];
    let logins = [(&user[..], "sto%40:s3cr%2Ft@"), (&["--auth", "t0ken"][..], "t0ken@")];
    for (arguments, login) in logins {
        let Some(server) = NatsServer::start_with(arguments).await else {
            return;
        };
        let with = |login: &str| NatsConfig {
            url: server.url().replace("nats://", &format!("nats://{login}")),
            ..config(&server)
        };
        assert!(connect_with(with(login)).await.ping().await.is_ok(), "{login}");
        for wrong in ["", "stoa:guess@", "guess@"] {
            let mut config = with(wrong);
            config.timings.first_wait = Duration::from_millis(300);
            assert!(connect_with(config).await.ping().await.is_err(), "{wrong}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_a_configuration_is_refused() {
    let refusal = async |config: NatsConfig| {
        let connected = NatsBus::connect(config, "test", Arc::new(SystemClock)).await;
        connected.err().map(|error| error.to_string()).unwrap_or_default()
    };
    for bad in [
        "",
        ",",
        "http://here:4222",
        "nats://",
        "ws://here:80",
        "nats://here:port",
    ] {
        assert_eq!(
            refusal(NatsConfig::new(bad)).await,
            NatsError::Url.to_string(),
            "{bad:?}"
        );
    }
}

#[test]
fn an_address_with_a_password_is_not_shown() {
    let shown = format!("{:?}", NatsConfig::new("nats://stoa:s3cret@here:4222"));
    assert!(!shown.contains("s3cret") && !shown.contains("here"), "{shown}");
}
