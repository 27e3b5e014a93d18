//! The service put together, for whichever process it lives in.

use std::pin::pin;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use order_api::Orders;
use platform_clock::Clock;
use platform_events::{Bus, BusError, Relay};
use platform_runtime::Info;
use platform_runtime::grpc::GrpcRouter;
use platform_runtime::health::Health;
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::router::{ApiRouter, Guard, RoutesError};
use platform_sql::{Database, OwnerError, Schema};
use product_api::{Products, Stock};
use tokio_util::sync::CancellationToken;
use utoipa::openapi::OpenApi;

use crate::events::InventoryFeed;
use crate::grpc;
use crate::http;
use crate::inventory::Inventory;
use crate::payment::Providers;
use crate::service::{Fault, OrderService};
use crate::store::{OrderStore, postgres, sqlite};
use crate::timings::Timings;

/// The name of the service: of its schema, and in the audience `stoa:order`.
pub const NAME: &str = "order";

/// What it keeps.
pub const SCHEMA: Schema = Schema {
    service: NAME,
    sqlite: sqlite::MIGRATIONS,
    postgres: postgres::MIGRATIONS,
};

/// Whom orders depend on, wherever they are.
#[derive(Clone)]
pub struct Neighbours {
    /// Sells, holds and takes back goods.
    pub stock: Arc<dyn Stock>,
    /// The catalogue, for quotes.
    pub products: Arc<dyn Products>,
    /// Who may be asked for money.
    pub providers: Providers,
}

/// Orders, ready to be served.
#[derive(Clone)]
pub struct App {
    service: Arc<OrderService>,
    inventory: Arc<Inventory>,
    store: Arc<dyn OrderStore>,
    database: Database,
    clock: Arc<dyn Clock>,
}

/// Why orders cannot start. One line for an operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What a crash left behind cannot be read.
    #[error("orders cannot be recovered")]
    Recovery(#[from] Fault),
    /// The bus.
    #[error(transparent)]
    Bus(#[from] BusError),
}

impl App {
    /// Brings the schema up to date, claims it for `owner` (the process that opens it as local) and wires the service.
    pub async fn build(
        database: Database,
        owner: &str,
        neighbours: Neighbours,
        clock: Arc<dyn Clock>,
        timings: Timings,
    ) -> Result<Self, OwnerError> {
        database.migrate(&SCHEMA).await?;
        database.claim_owner(owner, "ORDER_SERVICE_URL", clock.now()).await?;
        Ok(Self::over(database, neighbours, clock, timings))
    }

    /// Wires the service on a schema that is left as it is: for commands beside the process that owns it.
    pub fn over(database: Database, neighbours: Neighbours, clock: Arc<dyn Clock>, timings: Timings) -> Self {
        let store: Arc<dyn OrderStore> = match &database {
            Database::Sqlite(database) => Arc::new(sqlite::open(database)),
            Database::Postgres(database) => Arc::new(postgres::open(database)),
        };
        let Neighbours {
            stock,
            products,
            providers,
        } = neighbours;
        let inventory = Arc::new(Inventory::new(products, clock.clone(), timings));
        let service = OrderService::new(
            store.clone(),
            stock,
            providers,
            inventory.clone(),
            clock.clone(),
            timings,
        );
        Self {
            service: Arc::new(service),
            inventory,
            store,
            database,
            clock,
        }
    }

    /// What other processes may read.
    pub fn orders(&self) -> Arc<dyn Orders> {
        self.service.clone()
    }

    /// The routes, to be built with a guard, alone or beside those of the process.
    pub fn routes(&self) -> ApiRouter {
        http::routes().with_state(self.service.clone())
    }

    /// The gRPC service, alone or beside those of the process.
    pub fn grpc(&self, guard: &Guard) -> GrpcRouter {
        grpc::services(self.orders(), guard)
    }

    /// What the service offers to clients.
    pub fn openapi() -> Result<OpenApi, RoutesError> {
        http::routes().document(info())
    }

    /// What it offers to other processes of ours.
    pub fn internal_openapi() -> Result<OpenApi, RoutesError> {
        http::routes().internal_document(info())
    }

    /// Adds what must be there for the service to work.
    pub fn checks(&self, health: Health) -> Health {
        let store = self.store.clone();
        health.hard("orders", move || {
            let store = store.clone();
            async move { store.check().await.map_err(|error| error.to_string()) }
        })
    }

    /// Takes up the orders that wait for a neighbour as soon as it can be asked again, each time, until the process closes.
    pub fn resume_on(&self, restorations: impl Stream<Item = ()> + Send + 'static, lifecycle: &Lifecycle) {
        let (service, ending) = (self.service.clone(), lifecycle.clone());
        lifecycle.spawn(async move {
            let mut restorations = pin!(restorations.take_until(ending.closing()));
            while restorations.next().await.is_some() {
                if let Err(error) = service.neighbour_is_back().await {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "orders that wait for a neighbour cannot be taken up now");
                }
            }
        });
    }

    /// Finishes what a crash left behind, then starts what runs beside the requests, until the process closes: the
    /// recovery job, the inventory cache, the relay of the outbox, and the deletion of what is not needed any more. Call it
    /// before the process is ready, when the neighbours of the same process can be called.
    pub async fn start(&self, bus: Arc<dyn Bus>, lifecycle: &Lifecycle) -> Result<(), StartError> {
        // A counter that is not there yet cannot be seen rising.
        metrics::counter!("orders_alarms_total").increment(0);
        metrics::counter!("orders_postponed_total").increment(0);
        self.service.recover_at_start().await?;
        let feed = Arc::new(InventoryFeed(self.inventory.clone()));
        bus.subscribe_broadcast(InventoryFeed::topics(), feed).await?;

        let (stop, no_more_events) = (CancellationToken::new(), CancellationToken::new());
        lifecycle.spawn(self.service.clone().recover_for_ever(stop.clone()));
        lifecycle.spawn(self.inventory.clone().follow(stop.clone()));
        let Self { database, clock, .. } = self;
        let relay = Relay::new(NAME, database.outbox(), bus, clock.clone(), database.wake());
        lifecycle.spawn(relay.run(no_more_events.clone()));
        let (house, clock, until) = (database.clone(), clock.clone(), stop.clone());
        lifecycle.spawn(async move { house.keep_house(clock, until).await });

        let (service, ending) = (self.service.clone(), lifecycle.clone());
        lifecycle.spawn(async move {
            ending.closing().await;
            stop.cancel();
            // Orders that are being driven come to their end, and what they have to say is published.
            service.workers().close();
            service.workers().wait().await;
            no_more_events.cancel();
        });
        Ok(())
    }
}

/// The title of the service's document.
pub fn info() -> Info {
    Info::new("Stoa orders", "1")
}
