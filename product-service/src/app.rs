//! The service put together, for whichever process it lives in.

use std::sync::Arc;

use platform_clock::Clock;
use platform_events::{Bus, BusError, Relay};
use platform_runtime::Info;
use platform_runtime::grpc::GrpcRouter;
use platform_runtime::health::Health;
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::router::{ApiRouter, Guard, RoutesError};
use platform_sql::{Database, OwnerError};
use product_api::{Products, Stock};
use tokio_util::sync::CancellationToken;
use utoipa::openapi::OpenApi;
use values::Currency;

use crate::events::Touch;
use crate::grpc;
use crate::http::internal::{self, Inside};
use crate::http::{self, Catalogue};
use crate::news::News;
use crate::service::{ProductService, StockService};
use crate::store::{NAME, SCHEMA, Stores};

/// Catalogue and shelf, ready to be served. Cheap to clone.
#[derive(Clone)]
pub struct App {
    service: ProductService,
    stock: StockService,
    catalogue: Catalogue,
    stores: Stores,
    clock: Arc<dyn Clock>,
}

impl App {
    /// Brings the schema up to date, claims it for `owner` (the process that opens it as local) and wires the service.
    /// Prices are in `currency` where nothing else is said.
    pub async fn build(
        database: Database,
        owner: &str,
        currency: Currency,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OwnerError> {
        database.migrate(&SCHEMA).await?;
        database.claim_owner(owner, "PRODUCT_SERVICE_URL", clock.now()).await?;
        Ok(Self::over(database, currency, clock))
    }

    /// Wires the service on a schema that is left as it is: for commands beside the process that owns it.
    pub fn over(database: Database, currency: Currency, clock: Arc<dyn Clock>) -> Self {
        let stores = Stores::new(database, clock.clone());
        let service = ProductService::new(&stores, clock.clone(), currency);
        let stock = StockService::new(stores.stock.clone(), clock.clone(), service.freshness().clone());
        let news = News::new(stores.database.outbox_log(), clock.clone(), service.freshness().clone());
        Self {
            stock,
            catalogue: Catalogue::new(service.clone(), Arc::new(news)),
            service,
            stores,
            clock,
        }
    }

    /// The catalogue, as other services call it.
    pub fn products(&self) -> Arc<dyn Products> {
        Arc::new(self.service.clone())
    }

    /// Goods for orders, as other services call it.
    pub fn stock(&self) -> Arc<dyn Stock> {
        Arc::new(self.stock.clone())
    }

    /// The catalogue with what only this service's own routes and commands ask of it, such as
    /// [`import`](ProductService::import) and [`export`](ProductService::export).
    pub fn service(&self) -> &ProductService {
        &self.service
    }

    /// The routes, to be built with a guard, alone or beside those of the process.
    pub fn routes(&self) -> ApiRouter {
        let inside = Inside {
            catalogue: self.service.clone(),
            stock: self.stock(),
        };
        let public: ApiRouter = http::routes().with_state(self.catalogue.clone());
        public.merge(internal::routes().with_state(inside))
    }

    /// The gRPC services, alone or beside those of the process.
    pub fn grpc(&self, guard: &Guard) -> GrpcRouter {
        grpc::services(self.service.clone(), self.stock(), guard)
    }

    /// What the service offers to clients.
    pub fn openapi() -> Result<OpenApi, RoutesError> {
        http::routes().document(Self::info())
    }

    /// What the service offers to other processes of ours.
    pub fn internal_openapi() -> Result<OpenApi, RoutesError> {
        internal::routes().internal_document(Self::info())
    }

    /// The title of the service's document.
    pub fn info() -> Info {
        Info::new("Stoa products", "1")
    }

    /// Adds what must be there for the service to work.
    pub fn checks(&self, health: Health) -> Health {
        let database = self.stores.database.clone();
        health.hard("products", move || {
            let database = database.clone();
            async move {
                let pending = database.pending_migrations(&SCHEMA).await;
                match pending {
                    Ok(pending) if pending.is_empty() => Ok(()),
                    Ok(_) => Err("the schema is older than this binary needs".to_owned()),
                    Err(_) => Err("the database does not answer".to_owned()),
                }
            }
        })
    }

    /// Starts what runs beside the requests, until the process closes: the sweep of what is held for too long, the relay
    /// of the outbox and the deletion of what is not needed any more. From now on what was read before a change that the bus tells of is not shown any more.
    pub async fn start(&self, bus: Arc<dyn Bus>, lifecycle: &Lifecycle) -> Result<(), BusError> {
        let touch = Arc::new(Touch(self.service.freshness().clone()));
        bus.subscribe_broadcast(Touch::topics(), touch).await?;
        let (database, clock) = (self.stores.database.clone(), self.clock.clone());
        let relay = Relay::new(NAME, database.outbox(), bus, clock.clone(), database.wake());
        let stop = CancellationToken::new();
        lifecycle.spawn(relay.run(stop.clone()));
        lifecycle.spawn(self.stock.clone().sweep_for_ever(stop.clone()));
        let until = stop.clone();
        lifecycle.spawn(async move { database.keep_house(clock, until).await });
        let lifecycle = lifecycle.clone();
        tokio::spawn(async move {
            lifecycle.closing().await;
            stop.cancel();
        });
        Ok(())
    }
}
