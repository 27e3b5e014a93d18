//! The shop behind its gateway.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use api_gateway::{Gateway, GatewayParts, RemoteUpstream, UpstreamService, Upstreams, documents, merged, problems};
use platform_clock::{Clock, SystemClock};
use platform_rpc::{Place, Switch, Target};
use platform_runtime::Info;
use platform_runtime::command::Failure;
use platform_runtime::docs;
use platform_runtime::health::Health;
use platform_runtime::host::Host;
use platform_runtime::router::{ApiRouter, Guard};
use platform_sql::Company;

use crate::backup;
use crate::config::Config;
use crate::demo::{self, Demo};
use crate::extract::door::ServicesDoor;
use crate::extract::{self, Extraction};
use crate::process::{Serve, Stoa};
use crate::shop::Shop;
use crate::welcome::Welcome;

/// Serves until it is told to stop.
pub async fn serve(config: &Config, arguments: Serve) -> Result<(), Failure> {
    if !config.places.is_whole() {
        let because = "services of this shop live in other processes, and its events have to reach them";
        config.events.require(because)?;
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut host = Host::start(&config.host, Stoa::BINARY)?;
    let shop = Arc::new(Shop::open(config, clock.clone()).await?);
    let company = if config.events.nats.is_some() {
        Company::Others
    } else {
        Company::Nobody
    };
    if !shop.attend(company).await? {
        return Err(config.events.refuse_company().into());
    }
    let demo = if arguments.demo {
        Some(demo::fill(&shop).await?)
    } else {
        None
    };
    if let Some(auth) = &shop.auth {
        auth.bootstrap(&config.auth).await?;
    }
    let bus = config.events.connect(Stoa::BINARY, clock.clone()).await?;
    shop.start(bus.clone(), host.lifecycle()).await?;
    let health = shop.checks(config.events.checks(&bus, Health::new(host.lifecycle().clone())));
    let upstreams = Arc::new(upstreams(config, &shop)?);
    let gateway = gateway(config, &shop, upstreams.clone(), health.clone(), clock.clone())?;
    gateway.follow(&*bus).await?;
    let adapting = tokio::spawn(gateway.background());
    let listen = host.serve_public(gateway.router)?;
    if let Some(address) = config.services_listen {
        serve_services(&mut host, &shop, upstreams.clone(), address, health)?;
    }
    let lifecycle = host.lifecycle().clone();
    let extraction = Extraction::new(config, shop.clone(), upstreams, bus.clone(), lifecycle, clock);
    let operations = extract::admin::router(Arc::new(extraction)).merge(backup::router(config, shop.clone()));
    let admin = host.serve_admin(operations)?;

    let welcome = Welcome {
        listen,
        admin,
        database: &config.database,
    };
    greet(&welcome, demo.as_ref());
    host.run().await;
    adapting.abort();
    bus.close().await;
    shop.close().await;
    Ok(())
}

/// Tells who opened the shop what there is to know. A shop whose standard output is gone is open nevertheless.
fn greet(welcome: &Welcome<'_>, demo: Option<&Demo>) {
    let mut out = std::io::stdout();
    if out.is_terminal() {
        let _ = writeln!(out, "{welcome}");
    }
    if let Some(demo) = demo {
        let _ = writeln!(out, "{demo}");
    }
}

/// Lets services in other processes call those of this one, over HTTP and gRPC.
fn serve_services(
    host: &mut Host,
    shop: &Shop,
    upstreams: Arc<Upstreams>,
    address: std::net::SocketAddr,
    health: Health,
) -> Result<(), Failure> {
    let grpc = shop.grpc().build(health.clone())?;
    let routes = shop.routes().merge(health.routes());
    let built = routes.build(Info::new("Stoa services", "1"), &Guard::default())?;
    let door = ServicesDoor::new(grpc.beside(built.router), upstreams);
    host.serve_inner("SERVICES_LISTEN_ADDR", address, door)?;
    Ok(())
}

/// The services behind the gateway, wherever they are.
pub fn upstreams(config: &Config, shop: &Shop) -> Result<Upstreams, Failure> {
    let places = &config.places;
    let upstream = |name: &'static str, routes: Option<ApiRouter>, target: Option<&Target>| {
        let (place, service) = match (routes, target) {
            (_, Some(target)) => {
                let remote = RemoteUpstream::new(name, target, shop.outside.outgoing());
                (Place::Remote, UpstreamService::new(remote))
            }
            (routes, None) => {
                let routes = routes.unwrap_or_default();
                let built = routes.build(Info::new(name, "1"), &shop.trust.guard(name))?;
                (Place::Local, UpstreamService::new(built.public.router))
            }
        };
        Ok::<_, Failure>(Switch::new(place, Arc::new(service)))
    };
    let auth = shop.auth.as_ref().map(auth_service::app::App::routes);
    let users = shop.users.as_ref().map(user_service::app::App::routes);
    let products = shop.products.as_ref().map(product_service::App::routes);
    let orders = shop.orders.as_ref().map(order_service::app::App::routes);
    Ok(Upstreams {
        auth: upstream(auth_service::app::NAME, auth, places.auth.as_ref())?,
        user: upstream(user_service::app::NAME, users, places.user.as_ref())?,
        product: upstream(product_service::NAME, products, places.product.as_ref())?,
        order: upstream(order_service::app::NAME, orders, places.order.as_ref())?,
    })
}

/// The gateway in front of them. `health` is that of the process.
pub fn gateway(
    config: &Config,
    shop: &Shop,
    upstreams: Arc<Upstreams>,
    health: Health,
    clock: Arc<dyn Clock>,
) -> Result<Gateway, Failure> {
    let documents = documents()?;
    let own = health.routes().build(Info::new("Stoa", "1"), &Guard::default())?;
    let own = docs::add(own.public.router, &merged(&documents), &problems())?;
    let parts = GatewayParts {
        settings: config.gateway.clone(),
        documents,
        upstreams,
        guard: shop.trust.guard("gateway"),
        clock,
        own,
    };
    Ok(Gateway::build(parts)?)
}
