//! The shop behind its gateway.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use api_gateway::{Gateway, GatewayParts, UpstreamService, Upstreams, documents, merged, problems};
use axum::Router;
use platform_clock::{Clock, SystemClock};
use platform_rpc::{Place, Switch};
use platform_runtime::Info;
use platform_runtime::command::Failure;
use platform_runtime::docs;
use platform_runtime::health::Health;
use platform_runtime::host::Host;
use platform_runtime::router::{ApiRouter, Guard};

use crate::config::Config;
use crate::demo::{self, Demo};
use crate::process::{Serve, Stoa};
use crate::shop::Shop;
use crate::welcome::Welcome;

/// Serves until it is told to stop.
pub async fn serve(config: &Config, arguments: Serve) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut host = Host::start(&config.host, Stoa::BINARY)?;
    let shop = Shop::open(config, clock.clone()).await?;
    let demo = if arguments.demo {
        Some(demo::fill(&shop).await?)
    } else {
        None
    };
    let first = config.auth.first_admin(std::io::stderr().is_terminal());
    let bootstrapped = shop.auth.service().bootstrap(first).await?;
    let bus = config.events.connect(Stoa::BINARY, clock.clone()).await?;
    shop.start(bus.clone(), host.lifecycle()).await?;
    let health = config.events.checks(&bus, Health::new(host.lifecycle().clone()));
    let gateway = gateway(config, &shop, health, clock)?;
    let adapting = tokio::spawn(gateway.background());
    let listen = host.serve_public(gateway.router)?;
    let admin = host.serve_admin(Router::new())?;

    let welcome = Welcome {
        listen,
        admin,
        database: &config.database,
    };
    greet(&welcome, demo.as_ref());
    bootstrapped.announce(&mut std::io::stderr())?;
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

/// The gateway in front of the services' own routers.
pub fn gateway(config: &Config, shop: &Shop, health: Health, clock: Arc<dyn Clock>) -> Result<Gateway, Failure> {
    let upstream = |routes: ApiRouter, info: Info, name: &'static str| {
        let built = routes.build(info, &shop.trust.guard(name))?;
        let service = Arc::new(UpstreamService::new(built.public.router));
        Ok::<_, Failure>(Switch::new(Place::Local, service))
    };
    let Shop {
        auth,
        users,
        products,
        orders,
        ..
    } = shop;
    let upstreams = Upstreams {
        auth: upstream(auth.routes(), auth_service::app::info(), auth_service::app::NAME)?,
        user: upstream(users.routes(), user_service::app::info(), user_service::app::NAME)?,
        product: upstream(products.routes(), product_service::App::info(), product_service::NAME)?,
        order: upstream(orders.routes(), order_service::app::info(), order_service::app::NAME)?,
    };
    let documents = documents()?;
    let own = shop
        .checks(health)
        .routes()
        .build(Info::new("Stoa", "1"), &Guard::default())?;
    let own = docs::add(own.public.router, &merged(&documents), &problems())?;
    let parts = GatewayParts {
        settings: config.gateway.clone(),
        documents,
        upstreams: Arc::new(upstreams),
        guard: shop.trust.guard("gateway"),
        clock,
        own,
    };
    Ok(Gateway::build(parts)?)
}
