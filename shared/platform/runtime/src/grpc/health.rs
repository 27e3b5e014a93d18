//! The standard health service, answered from the process' own readiness.

use std::pin::Pin;
use std::time::Duration;

use futures::Stream;
use futures::stream::unfold;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health as HealthApi;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::health::Health;

/// `grpc.health.v1`: every service of a process is as ready as the process.
#[derive(Clone)]
pub(super) struct GrpcHealth {
    health: Health,
    names: Vec<&'static str>,
}

/// How often a watch looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl GrpcHealth {
    pub(super) fn new(health: Health, names: Vec<&'static str>) -> Self {
        Self { health, names }
    }

    async fn status(&self) -> ServingStatus {
        match self.health.report().await {
            (_, true) => ServingStatus::Serving,
            (_, false) => ServingStatus::NotServing,
        }
    }

    /// The empty name stands for the whole process.
    fn knows(&self, name: &str) -> bool {
        name.is_empty() || self.names.contains(&name)
    }
}

#[tonic::async_trait]
impl HealthApi for GrpcHealth {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        if !self.knows(&request.get_ref().service) {
            return Err(Status::not_found("there is no such service"));
        }
        Ok(Response::new(response(self.status().await)))
    }

    /// Says how it is and then each change, until the process closes.
    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        if !self.knows(&request.get_ref().service) {
            // The protocol wants a stream that says so and goes on.
            let unknown = Ok(response(ServingStatus::ServiceUnknown));
            return Ok(Response::new(Box::pin(futures::stream::iter([unknown]))));
        }
        let changes = unfold((self.clone(), None), async |(health, last)| {
            let status = health.change_from(last).await?;
            Some((Ok(response(status)), (health, Some(status))))
        });
        Ok(Response::new(Box::pin(changes)))
    }
}

impl GrpcHealth {
    /// Waits for another status than the last; none when the process closes.
    async fn change_from(&self, last: Option<ServingStatus>) -> Option<ServingStatus> {
        loop {
            let status = self.status().await;
            if last != Some(status) {
                return Some(status);
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = self.health.lifecycle().closing() => return None,
            }
        }
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}
