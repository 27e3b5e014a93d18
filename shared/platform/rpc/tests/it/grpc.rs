//! A client that tonic generated, on top of a neighbour.

use std::time::Duration;

use http::StatusCode;
use platform_context::deadline;
use platform_rpc::{CallError, GrpcNeighbour, Outgoing, Repeat, grpc_request};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::replica::{Does, Replica};

const UNAVAILABLE: u8 = 14;

fn client(replicas: &[&Replica]) -> HealthClient<GrpcNeighbour> {
    let urls: Vec<String> = replicas
        .iter()
        .map(|replica| format!("grpc://{}", replica.address))
        .collect();
    let target = urls.join(",").parse().unwrap();
    HealthClient::new(GrpcNeighbour::new("goods", &target, &Outgoing::default(), None))
}

fn message() -> HealthCheckRequest {
    HealthCheckRequest::default()
}

#[tokio::test]
async fn a_generated_client_gets_its_answer() {
    let replica = Replica::start();
    let answer = client(&[&replica]).check(message()).await.unwrap();
    assert_eq!(answer.into_inner().status, 0);
}

#[tokio::test]
async fn an_endpoint_that_says_unavailable_is_replaced_where_that_is_harmless() {
    let (busy, well) = (Replica::start(), Replica::start());
    busy.set(Does::GrpcStatus(UNAVAILABLE));
    let mut client = client(&[&busy, &well]);
    for _ in 0..8 {
        client.check(grpc_request(message(), Repeat::Harmless)).await.unwrap();
    }
    assert!(busy.count() > 0);
    assert_eq!(well.count(), 8);
}

#[tokio::test]
async fn a_call_may_not_be_repeated_unless_it_says_so() {
    let replicas = [Replica::start(), Replica::start()];
    for replica in &replicas {
        replica.set(Does::GrpcStatus(UNAVAILABLE));
    }
    let status = client(&[&replicas[0], &replicas[1]])
        .check(message())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(replicas[0].count() + replicas[1].count(), 1);
}

#[tokio::test]
async fn no_answer_is_a_status_whose_source_says_whether_it_was_sent() {
    let source = |status: &tonic::Status| {
        let source = std::error::Error::source(status).and_then(|source| source.downcast_ref::<CallError>());
        source.map(CallError::was_sent)
    };
    let replica = Replica::start();
    replica.set(Does::Hang);
    let mut request = grpc_request(message(), Repeat::OnlyUnsent);
    request.set_timeout(Duration::from_millis(150));
    let status = client(&[&replica]).check(request).await.unwrap_err();
    assert_eq!((status.code(), source(&status)), (Code::DeadlineExceeded, Some(true)));
    let told = deadline::timeout_of(&replica.last()).unwrap();
    assert!(told < Duration::from_millis(150), "{told:?}");

    let target = "grpc://127.0.0.1:1".parse().unwrap();
    let nobody = GrpcNeighbour::new("goods", &target, &Outgoing::default(), None);
    let status = HealthClient::new(nobody).check(message()).await.unwrap_err();
    assert_eq!((status.code(), source(&status)), (Code::Unavailable, Some(false)));
}

#[tokio::test]
async fn an_answer_of_plain_http_is_a_status_too() {
    let replica = Replica::start();
    replica.set(Does::Status(StatusCode::SERVICE_UNAVAILABLE));
    let status = client(&[&replica]).check(message()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}
