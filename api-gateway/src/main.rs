//! The gateway as a process of its own: config, telemetry, build, serve.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use api_gateway::{
    Gateway, GatewayParts, GatewaySettings, RemoteJwks, RemoteUpstream, UpstreamService, Upstreams, documents, merged,
    problems,
};
use axum::Router;
use platform_clock::{Clock, SystemClock};
use platform_events::{EventsConfig, revoke_on_events};
use platform_rpc::{Outgoing, Place, Switch, Target};
use platform_runtime::command::{self, Failure, Migrate, NoArguments, NoCommands, Outcome, Process};
use platform_runtime::health::Health;
use platform_runtime::host::{Host, HostConfig};
use platform_runtime::router::Guard;
use platform_runtime::settings::{FromSettings, Settings};
use platform_runtime::trust::Trust;
use platform_runtime::{Info, docs};
use utoipa::openapi::OpenApi;

/// The public port unless `LISTEN_ADDR` names another.
const PORT: u16 = 8080;

struct Config {
    host: HostConfig,
    gateway: GatewaySettings,
    events: EventsConfig,
    issuer: String,
    auth: Target,
    user: Target,
    product: Target,
    order: Target,
}

struct GatewayProcess;

fn main() -> ExitCode {
    command::run::<GatewayProcess>()
}

impl FromSettings for Config {
    fn load(settings: &mut Settings) -> Self {
        let host = HostConfig::load(settings, PORT);
        let gateway = GatewaySettings::load(settings);
        let host = HostConfig {
            // Behind a proxy everybody comes from one address.
            counts_peers: host.counts_peers && gateway.trusted_proxy_hops == 0,
            ..host
        };
        Self {
            host,
            gateway,
            events: EventsConfig::load(settings),
            issuer: settings.get("TOKEN_ISSUER", "stoa", "who signs tokens; the same in every process"),
            auth: settings.get("AUTH_SERVICE_URL", "http://127.0.0.1:8081", Target::ABOUT),
            user: settings.get("USER_SERVICE_URL", "http://127.0.0.1:8082", Target::ABOUT),
            product: settings.get("PRODUCT_SERVICE_URL", "http://127.0.0.1:8083", Target::ABOUT),
            order: settings.get("ORDER_SERVICE_URL", "http://127.0.0.1:8084", Target::ABOUT),
        }
    }
}

impl Process for GatewayProcess {
    type Config = Config;
    type Serve = NoArguments;
    type Command = NoCommands;

    const NAME: &'static str = "api-gateway";
    const ABOUT: &'static str = "The one door of a Stoa shop";

    async fn serve(config: Config, _: NoArguments) -> Outcome {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut host = Host::start(&config.host, Self::NAME)?;
        let bus = config.events.connect(Self::NAME, clock.clone()).await?;
        let outgoing = Outgoing::default();
        let upstream = |name: &str, target: &Target| RemoteUpstream::new(name, target, &outgoing);
        let auth = upstream("auth", &config.auth);
        let trust = Trust::new(&config.issuer, Arc::new(RemoteJwks::new(auth.clone())), clock.clone());
        revoke_on_events(&*bus, trust.revocations()).await?;
        trust.keep_fresh(host.lifecycle());

        let remote = |upstream| Switch::new(Place::Remote, Arc::new(UpstreamService::new(upstream)));
        let upstreams = Upstreams {
            user: remote(upstream("user", &config.user)),
            product: remote(upstream("product", &config.product)),
            order: remote(upstream("order", &config.order)),
            auth: remote(auth),
        };
        let documents = documents()?;
        let health = config.events.checks(&bus, Health::new(host.lifecycle().clone()));
        let own = trust
            .checks(health)
            .routes()
            .build(Info::new("Stoa", "1"), &Guard::default())?;
        let gateway = Gateway::build(GatewayParts {
            settings: config.gateway,
            own: docs::add(own.public.router, &merged(&documents), &problems())?,
            documents,
            upstreams: Arc::new(upstreams),
            guard: trust.guard("gateway"),
            clock,
        })?;
        gateway.follow(&*bus).await?;
        let adapting = tokio::spawn(gateway.background());
        host.serve_public(gateway.router)?;
        host.serve_admin(Router::new())?;
        host.run().await;
        adapting.abort();
        bus.close().await;
        Ok(())
    }

    /// There is no database.
    async fn migrate(_: Config, _: Migrate) -> Outcome {
        Ok(())
    }

    async fn command(_: Config, command: NoCommands) -> Outcome {
        match command {}
    }

    fn openapi() -> Result<OpenApi, Failure> {
        Ok(merged(&documents()?))
    }

    fn listen_addr(config: &Config) -> SocketAddr {
        config.host.listen
    }
}
