//! One service as a process.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use platform_clock::{Clock, SystemClock};
use platform_events::{Bus, EventsConfig, revoke_on_events};
use platform_problem::{ProblemType, codes};
use platform_runtime::command::{Failure, Outcome};
use platform_runtime::grpc::GrpcRouter;
use platform_runtime::health::Health;
use platform_runtime::host::Host;
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::router::ApiRouter;
use platform_runtime::trust::Trust;
use platform_runtime::{Info, docs};
use platform_sql::{Company, Database};

use crate::ServiceConfig;

/// How often a process looks whether its schema is there.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A process that holds one service: database, bus and listeners. [`ServiceHost::start`], build the service with what it
/// has, then [`ServiceHost::serve`].
pub struct ServiceHost {
    /// The database of the service.
    pub database: Database,
    /// Where its events go.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    events: EventsConfig,
    host: Host,
    listen: std::net::SocketAddr,
    service: &'static str,
}

impl ServiceHost {
    /// Starts telemetry, minds signals, opens the database of `service` and takes its place on the bus; `process` is the name
    /// of the binary. Refused without NATS: the other services live elsewhere.
    pub async fn start(config: &ServiceConfig, process: &'static str, service: &'static str) -> Result<Self, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let events = config.events.clone();
        events.require("this process holds one service, and its events have to reach the others")?;
        let host = Host::start(&config.host, process)?;
        let database = Database::open(&config.database, service, clock.clone()).await?;
        if !database.attend(Company::Others).await? {
            return Err(events.refuse_company().into());
        }
        wait_until_filled(&database, host.lifecycle()).await?;
        Ok(Self {
            database,
            bus: events.connect(process, clock.clone()).await?,
            clock,
            events,
            host,
            listen: config.host.listen,
            service,
        })
    }

    /// The phase of the process.
    pub fn lifecycle(&self) -> &Lifecycle {
        self.host.lifecycle()
    }

    /// Health of this process, to which the service adds its checks.
    pub fn health(&self) -> Health {
        self.events.checks(&self.bus, Health::new(self.lifecycle().clone()))
    }

    /// Serves the routes beside those of every process, documented, and the gRPC services, until told to stop; then closes bus and database.
    /// `problems` are the refusals of the service, beside those that every process has.
    pub async fn serve(
        mut self,
        routes: ApiRouter,
        grpc: GrpcRouter,
        info: Info,
        health: Health,
        trust: &Trust,
        problems: &[&'static ProblemType],
    ) -> Outcome {
        revoke_on_events(&*self.bus, trust.revocations()).await?;
        trust.keep_fresh(self.lifecycle());
        let health = trust.checks(health);
        let grpc = grpc.build(health.clone())?;
        let routes = routes.merge(health.routes());
        let built = routes.build(info, &trust.guard(self.service))?;
        let problems = [codes::ALL, problems].concat();
        let router = docs::add(built.router, &built.public.openapi, &problems)?;
        self.host.serve_inner("LISTEN_ADDR", self.listen, grpc.beside(router))?;
        self.host.serve_admin(Router::new())?;
        self.host.run().await;
        self.bus.close().await;
        self.database.close().await;
        Ok(())
    }
}

/// A schema that is on its way to this process cannot be opened before it is there.
async fn wait_until_filled(database: &Database, lifecycle: &Lifecycle) -> Result<(), Failure> {
    let mut told = false;
    while database.is_being_filled().await? {
        if !told {
            tracing::info!("waiting: `stoa extract` fills the schema of this service");
            told = true;
        }
        tokio::select! {
            () = lifecycle.draining() => return Err("stopped before the schema was filled".into()),
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
    Ok(())
}
