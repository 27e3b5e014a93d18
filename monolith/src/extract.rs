//! A service of the running shop becomes a process of its own, and comes back.
//!
//! The process that holds the service does the work ([`Extraction`]); the command asks it to over its admin listener
//! ([`command`], [`admin`]), and does it by itself where no shop runs. What moves the data is [`platform_sql::handover`]. Here the
//! rest is: what must be set before, who may go on reading meanwhile, when the new process is there, and who is told.

pub mod admin;
pub mod command;
pub mod door;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api_gateway::{RemoteUpstream, Service, UpstreamService, Upstreams};
use platform_clock::Clock;
use platform_events::Bus;
use platform_rpc::{Place, Target};
use platform_runtime::command::{Failure, ready};
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::settings::SettingsError;
use platform_sql::handover::{self, Derived, Handover, HandoverError, Owners};
use platform_sql::{Database, DatabaseConfig, OpenError, PostgresConfig, Schema, SqliteDatabase};
use product_service::store::Words;
use tokio::time::{Instant, sleep};

use crate::config::Config;
use crate::operations::Say;
use crate::shop::{OWNER, Shop};

/// So few changed rows that the last can be copied while nobody writes.
const FEW: u64 = 200;
/// How often what changed is copied while the new process is waited for.
const ROUND: Duration = Duration::from_millis(200);
/// How long the new process may take from the hand-over to its readiness, until it is used nevertheless.
const READY: Duration = Duration::from_secs(10);
/// How often it is asked.
const ASK: Duration = Duration::from_millis(20);

/// What is to move, and where.
#[derive(Debug, Clone)]
pub struct Move {
    /// The service.
    pub service: Service,
    /// The server that its schema is copied to.
    pub to: PostgresConfig,
    /// Where the new process will be found.
    pub url: Target,
}

/// Why a service did not move. One line for an operator.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// Something has to be set before.
    #[error(transparent)]
    Setting(#[from] SettingsError),
    /// It is in another process.
    #[error("{0}-service is not in this process: {1} is set")]
    Elsewhere(Service, &'static str),
    /// It is in this process.
    #[error("{0}-service is in this process")]
    Here(Service),
    /// Data on a server can be opened by a process of its own as they are.
    #[error("DATABASE_URL: the data are on a server already: start the service on them and set {0}")]
    OnAServer(&'static str),
    /// The data.
    #[error(transparent)]
    Handover(#[from] HandoverError),
    /// The file.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Whoever asked for it does not listen any more.
    #[error("broken off; nothing was handed over")]
    BrokenOff,
    /// A name without an address.
    #[error("--url: {0} has no address")]
    Unknown(String, #[source] std::io::Error),
    /// It is called now, and does not answer.
    #[error(
        "{0}-service was handed over and is called now, but is not ready: mend it, or run the same with another --url"
    )]
    NotReady(Service, #[source] Failure),
    /// It is back, and its work beside the requests did not start again.
    #[error("{0}-service is back, but does not run as it should: restart the shop")]
    NotStarted(Service, #[source] Failure),
}

/// What the four services have to themselves here.
#[derive(Clone, Copy)]
struct About {
    schema: &'static Schema,
    setting: &'static str,
    owners: Owners,
}

fn about(service: Service) -> About {
    let (schema, setting, to) = match service {
        Service::Auth => (&auth_service::app::SCHEMA, "AUTH_SERVICE_URL", "auth-service"),
        Service::User => (&user_service::app::SCHEMA, "USER_SERVICE_URL", "user-service"),
        Service::Product => (&product_service::SCHEMA, "PRODUCT_SERVICE_URL", "product-service"),
        Service::Order => (&order_service::app::SCHEMA, "ORDER_SERVICE_URL", "order-service"),
    };
    About {
        schema,
        setting,
        owners: Owners { from: OWNER, to },
    }
}

fn derived(service: Service) -> Option<Arc<dyn Derived>> {
    (service == Service::Product).then(|| Arc::new(Words) as Arc<dyn Derived>)
}

/// Moves services of a running shop, one at a time.
pub struct Extraction {
    config: Config,
    shop: Arc<Shop>,
    upstreams: Arc<Upstreams>,
    bus: Arc<dyn Bus>,
    lifecycle: Lifecycle,
    clock: Arc<dyn Clock>,
    /// What requests were sent to before a service left; held as long as one is moving.
    left: tokio::sync::Mutex<Left>,
}

type Left = HashMap<Service, Arc<UpstreamService>>;

impl fmt::Debug for Extraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extraction").finish_non_exhaustive()
    }
}

impl Extraction {
    /// Of a shop that is about to be opened.
    pub fn new(
        config: &Config,
        shop: Arc<Shop>,
        upstreams: Arc<Upstreams>,
        bus: Arc<dyn Bus>,
        lifecycle: Lifecycle,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            config: config.clone(),
            shop,
            upstreams,
            bus,
            lifecycle,
            clock,
            left: tokio::sync::Mutex::default(),
        }
    }

    /// Moves a service to a process of its own. Up to the decision it can be broken off by not listening any more.
    pub async fn extract(&self, wanted: &Move, say: &Say) -> Result<(), ExtractError> {
        let mut left = self.left.lock().await;
        let service = wanted.service;
        let About { schema, owners, .. } = about(service);
        if self.shop.database(service).is_none() {
            return finish_elsewhere(&self.config, wanted, say, self.clock.clone()).await;
        }
        let source = self.file(service)?;
        if source.belongs_to(owners.to).await.map_err(HandoverError::from)? {
            // Decided by an attempt that could not tell the other side, or was told a wrong address.
            let clock = self.clock.clone();
            handover::finish(source, &wanted.to, schema, owners, derived(service).as_deref(), clock).await?;
            return self.turn_to(wanted, &mut left, say).await;
        }
        self.require(service)?;
        resolve(&wanted.url).await?;
        let mut handover =
            Handover::begin(source, &wanted.to, schema, owners, derived(service), self.clock.clone()).await?;
        copy(&mut handover, say).await?;
        let mut told = false;
        loop {
            let changed = handover.catch_up().await?;
            let is_awaited = handover.is_awaited().await?;
            if say.is_closed() {
                return Err(ExtractError::BrokenOff);
            }
            if is_awaited && changed <= FEW {
                break;
            }
            if !is_awaited && !told {
                told = true;
                let to = owners.to;
                let _ = say.send(format!(
                    "waiting for {to}: start it now, on that database, reachable as --url says"
                ));
            }
            if changed <= FEW {
                sleep(ROUND).await;
            }
        }
        let here = self.upstreams.freeze(service);
        let handed = match handover.complete().await {
            Ok(handed) => handed,
            Err(error) => {
                if !matches!(error, HandoverError::Untold { .. }) {
                    self.upstreams.turn(service, Place::Local, here);
                }
                return Err(error.into());
            }
        };
        let (rows, last, took) = (handed.rows, handed.in_freeze, handed.frozen.as_millis());
        let _ = say.send(format!(
            "handed over: {rows} rows are the same on both sides; the last {last} were copied in {took} ms without writes"
        ));
        let turned = self.turn_to(wanted, &mut left, say).await;
        tokio::spawn(handover.validate());
        turned
    }

    /// Takes a service back that left this process since it started. Its own process must have stopped, and must not have
    /// written.
    pub async fn take_back(&self, wanted: &Move, say: &Say) -> Result<(), ExtractError> {
        let mut left = self.left.lock().await;
        let service = wanted.service;
        let About { schema, owners, .. } = about(service);
        let Some(Database::Sqlite(source)) = self.shop.database(service) else {
            return take_back_elsewhere(&self.config, wanted, say, self.clock.clone()).await;
        };
        if self.upstreams.place(service) == Place::Local {
            return Err(ExtractError::Here(service));
        }
        let derived = derived(service);
        handover::take_back(
            source,
            &wanted.to,
            schema,
            owners,
            derived.as_deref(),
            self.clock.clone(),
        )
        .await?;
        self.shop.turn_back(service);
        let here = left.remove(&service).unwrap_or_else(|| self.upstreams.freeze(service));
        self.upstreams.turn(service, Place::Local, here);
        let _ = say.send(format!("{service}-service is in this process again"));
        let started = self
            .shop
            .start_service(service, self.bus.clone(), &self.lifecycle)
            .await;
        started.map_err(|error| ExtractError::NotStarted(service, error))
    }

    /// What has to be set before a service can leave.
    fn require(&self, service: Service) -> Result<(), SettingsError> {
        let Config { places, .. } = &self.config;
        self.config
            .events
            .require("events of this shop have to reach the service; set it and restart once")?;
        if self.config.services_listen.is_none() {
            let why = "must be set: by it the service reaches those that stay; set it and restart once";
            return Err(SettingsError::new("SERVICES_LISTEN_ADDR", why));
        }
        let is_elsewhere = |other: Service, place: &Option<Target>| {
            other == service || place.is_some() || self.upstreams.place(other) == Place::Remote
        };
        let calls_with_secret = is_elsewhere(Service::Auth, &places.auth)
            && is_elsewhere(Service::Product, &places.product)
            && !is_elsewhere(Service::Order, &places.order);
        if calls_with_secret && self.config.auth.own_client.is_made_up {
            let why = "must be set: orders stay here and will call products, with tokens of an auth that is elsewhere";
            return Err(SettingsError::new("SERVICE_CLIENT_SECRET", why));
        }
        Ok(())
    }

    fn file(&self, service: Service) -> Result<&SqliteDatabase, ExtractError> {
        match self.shop.database(service) {
            Some(Database::Sqlite(database)) => Ok(database),
            Some(Database::Postgres(_)) => Err(ExtractError::OnAServer(about(service).setting)),
            None => Err(ExtractError::Elsewhere(service, about(service).setting)),
        }
    }

    /// Sends everybody to the new process, once it is ready, or when that took too long.
    async fn turn_to(&self, wanted: &Move, left: &mut Left, say: &Say) -> Result<(), ExtractError> {
        let Move { service, url, .. } = wanted;
        let begun = Instant::now();
        let mut outcome = is_ready(url).await;
        while outcome.is_err() && begun.elapsed() < READY {
            sleep(ASK).await;
            outcome = is_ready(url).await;
        }
        self.shop.turn_to(*service, url, &self.lifecycle);
        let upstream = RemoteUpstream::new(&service.to_string(), url, self.shop.outside.outgoing());
        let upstream = Arc::new(UpstreamService::new(upstream));
        let before = self.upstreams.turn(*service, Place::Remote, upstream);
        left.entry(*service).or_insert(before);
        let (shop, moved) = (self.shop.clone(), *service);
        tokio::spawn(async move { shop.stop_service(moved).await });
        let setting = about(*service).setting;
        let _ = say.send(format!(
            "before this shop is started again, set {setting}: without it the start is refused"
        ));
        outcome.map_err(|error| ExtractError::NotReady(*service, error))?;
        let took = begun.elapsed().as_millis();
        let _ = say.send(format!(
            "{service}-service was ready {took} ms later; everybody calls it now"
        ));
        Ok(())
    }
}

/// Names that nobody knows are refused while nothing has happened yet.
async fn resolve(url: &Target) -> Result<Vec<SocketAddr>, ExtractError> {
    let mut addresses = Vec::new();
    for host in url.hosts() {
        let found = tokio::net::lookup_host((&*host.name, host.port)).await;
        addresses.extend(found.map_err(|error| ExtractError::Unknown(host.name.to_string(), error))?);
    }
    Ok(addresses)
}

async fn copy(handover: &mut Handover, say: &Say) -> Result<(), ExtractError> {
    let mut progress = |table: &str, rows: u64| {
        let _ = say.send(format!("copied {table}: {rows} rows"));
    };
    let rows = handover.copy(&mut progress).await?;
    let _ = say.send(format!(
        "copied and compared {rows} rows; what changed meanwhile follows"
    ));
    Ok(())
}

/// Whether one of the addresses answers that it is ready.
async fn is_ready(url: &Target) -> Result<(), Failure> {
    let mut outcome = Err("--url names no address".into());
    for address in resolve(url).await? {
        outcome = ready(address).await;
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Where the files lie, if the data are in files.
fn data_dir(config: &Config, service: Service) -> Result<&Path, ExtractError> {
    match &config.database {
        DatabaseConfig::SqliteDir(dir) => Ok(dir),
        DatabaseConfig::SqliteFile(_) | DatabaseConfig::Postgres(_) => {
            Err(ExtractError::OnAServer(about(service).setting))
        }
    }
}

/// Tells the other side of a decision that this process, or the one before it, died over.
async fn finish_elsewhere(
    config: &Config,
    wanted: &Move,
    say: &Say,
    clock: Arc<dyn Clock>,
) -> Result<(), ExtractError> {
    let service = wanted.service;
    let About { schema, owners, .. } = about(service);
    let source = SqliteDatabase::open_read_only(data_dir(config, service)?, schema.service).await?;
    let derived = derived(service);
    let finished = handover::finish(&source, &wanted.to, schema, owners, derived.as_deref(), clock).await;
    source.close().await;
    finished?;
    let _ = say.send(format!("{} has the schema", owners.to));
    Ok(())
}

/// The same the other way, by a process that has not opened the file: nobody may have.
async fn take_back_elsewhere(
    config: &Config,
    wanted: &Move,
    say: &Say,
    clock: Arc<dyn Clock>,
) -> Result<(), ExtractError> {
    let service = wanted.service;
    let About {
        schema,
        setting,
        owners,
    } = about(service);
    // Refused while a shop runs in that directory, which would not hear of it.
    let source = SqliteDatabase::open(data_dir(config, service)?, schema.service).await?;
    let derived = derived(service);
    let taken = handover::take_back(&source, &wanted.to, schema, owners, derived.as_deref(), clock).await;
    source.close().await;
    taken?;
    let _ = say.send(format!("the schema is the shop's again: start it without {setting}"));
    Ok(())
}

/// Moves the data of a shop that does not run.
async fn extract_at_rest(config: &Config, wanted: &Move, say: &Say, clock: Arc<dyn Clock>) -> Result<(), ExtractError> {
    let service = wanted.service;
    let About {
        schema,
        setting,
        owners,
    } = about(service);
    let source = SqliteDatabase::open(data_dir(config, service)?, schema.service).await?;
    source.migrate(&schema.sqlite).await.map_err(HandoverError::from)?;
    if source.belongs_to(owners.to).await.map_err(HandoverError::from)? {
        source.close().await;
        return finish_elsewhere(config, wanted, say, clock).await;
    }
    let mut handover = Handover::begin(&source, &wanted.to, schema, owners, derived(service), clock).await?;
    copy(&mut handover, say).await?;
    handover.complete().await?;
    let _ = say.send(format!(
        "{} has the schema: start it, and the shop with {setting}",
        owners.to
    ));
    handover.validate().await;
    source.close().await;
    Ok(())
}
