//! The service put together, for whichever process it lives in.

use std::sync::Arc;

use platform_clock::Clock;
use platform_events::{Bus, Relay};
use platform_runtime::Info;
use platform_runtime::grpc::GrpcRouter;
use platform_runtime::health::Health;
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::router::{ApiRouter, Guard, RoutesError};
use platform_sql::{Database, OwnerError, Schema};
use tokio_util::sync::CancellationToken;
use user_api::Users;
use utoipa::openapi::OpenApi;

use crate::grpc;
use crate::http;
use crate::service::UserService;
use crate::store::{self, PgUserStore, SqliteUserStore, UserStore};

/// The name of the service: of its schema, and in the audience `stoa:user`.
pub const NAME: &str = "user";

/// What it keeps.
pub const SCHEMA: Schema = Schema {
    service: NAME,
    sqlite: store::SQLITE_MIGRATIONS,
    postgres: store::POSTGRES_MIGRATIONS,
};

/// Users, ready to be served.
#[derive(Clone)]
pub struct App {
    service: UserService,
    store: Arc<dyn UserStore>,
    database: Database,
    clock: Arc<dyn Clock>,
}

impl App {
    /// Brings the schema up to date, claims it for `owner` (the process that opens it as local) and wires the service.
    pub async fn build(database: Database, owner: &str, clock: Arc<dyn Clock>) -> Result<Self, OwnerError> {
        database.migrate(&SCHEMA).await?;
        database.claim_owner(owner, "USER_SERVICE_URL", clock.now()).await?;
        let store: Arc<dyn UserStore> = match database.clone() {
            Database::Sqlite(database) => Arc::new(SqliteUserStore::new(database, clock.clone())),
            Database::Postgres(database) => Arc::new(PgUserStore::new(database, clock.clone())),
        };
        Ok(Self {
            service: UserService::new(store.clone(), clock.clone()),
            store,
            database,
            clock,
        })
    }

    /// What other services may call.
    pub fn users(&self) -> Arc<dyn Users> {
        Arc::new(self.service.clone())
    }

    /// The routes, to be built with a guard, alone or beside those of the process.
    pub fn routes(&self) -> ApiRouter {
        http::routes().with_state(self.service.clone())
    }

    /// The gRPC service, alone or beside those of the process.
    pub fn grpc(&self, guard: &Guard) -> GrpcRouter {
        grpc::services(self.service.clone(), guard)
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
        health.hard("users", move || {
            let store = store.clone();
            async move { store.check().await.map_err(|error| error.to_string()) }
        })
    }

    /// Starts what runs beside the requests, until the process closes: the relay of the outbox, and the deletion of what is
    /// not needed any more.
    pub fn start(&self, bus: Arc<dyn Bus>, lifecycle: &Lifecycle) {
        let Self { database, clock, .. } = self;
        let relay = Relay::new(NAME, database.outbox(), bus, clock.clone(), database.wake());
        let stop = CancellationToken::new();
        lifecycle.spawn(relay.run(stop.clone()));
        let (house, clock) = (database.clone(), clock.clone());
        let until = stop.clone();
        lifecycle.spawn(async move { house.keep_house(clock, until).await });
        let lifecycle = lifecycle.clone();
        tokio::spawn(async move {
            lifecycle.closing().await;
            stop.cancel();
        });
    }
}

/// The title of the service's document.
pub fn info() -> Info {
    Info::new("Stoa users", "1")
}
