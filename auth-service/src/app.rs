//! The service put together, for whichever process it lives in.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use auth_api::Accounts;
use platform_clock::Clock;
use platform_events::{Bus, Relay};
use platform_runtime::Info;
use platform_runtime::command::Failure;
use platform_runtime::grpc::GrpcRouter;
use platform_runtime::health::Health;
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::router::{ApiRouter, Guard, RoutesError};
use platform_sql::{Database, OwnerError, Schema};
use tokio_util::sync::CancellationToken;
use user_api::Users;
use utoipa::openapi::OpenApi;

use crate::config::Config;
use crate::keys::{KeyEncryptionKey, KeySource, KeyStore, Keys, KeysError};
use crate::limits::Limits;
use crate::password::{Cost, Hasher};
use crate::service::{AuthService, Parts, Timings};
use crate::service_clients::{ServiceClients, ServiceClientsError};
use crate::store::{self, AccountStore, PgAccountStore, SqliteAccountStore};
use crate::{grpc, http, jobs};

/// The name of the service: of its schema, and in the audience `stoa:auth`.
pub const NAME: &str = "auth";

/// What it keeps.
pub const SCHEMA: Schema = Schema {
    service: NAME,
    sqlite: store::SQLITE_MIGRATIONS,
    postgres: store::POSTGRES_MIGRATIONS,
};

/// How long a key signs.
const ROTATE_EVERY: Duration = Duration::from_hours(30 * 24);

/// Auth, ready to be served.
#[derive(Clone)]
pub struct App {
    service: AuthService,
    store: Arc<dyn AccountStore>,
    database: Database,
    clock: Arc<dyn Clock>,
}

/// Why auth cannot start. One line for an operator.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The schema.
    #[error(transparent)]
    Owner(#[from] OwnerError),
    /// The database.
    #[error(transparent)]
    Database(#[from] platform_sql::Error),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The services that may ask for tokens.
    #[error(transparent)]
    ServiceClients(#[from] ServiceClientsError),
}

impl App {
    /// Brings the schema up to date, claims it for `owner` (the process that opens it as local), reads or makes the keys and
    /// wires the service. `users` is wherever users are.
    pub async fn build(
        config: &Config,
        database: Database,
        owner: &str,
        users: Arc<dyn Users>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BuildError> {
        database.migrate(&SCHEMA).await?;
        database.claim_owner(owner, "AUTH_SERVICE_URL", clock.now()).await?;
        let store: Arc<dyn AccountStore> = match database.clone() {
            Database::Sqlite(database) => Arc::new(SqliteAccountStore::new(database, clock.clone())),
            Database::Postgres(database) => Arc::new(PgAccountStore::new(database, clock.clone())),
        };
        let clients = config
            .service_clients_file
            .as_deref()
            .map(ServiceClients::read)
            .transpose()?;
        let parts = Parts {
            keys: Keys::open(key_source(config, &store, &clock)?).await?,
            hasher: Hasher::new(Cost::default(), clock.clone()),
            limits: config.rate_limits.then(|| Limits::new(&clock)),
            clients: clients.unwrap_or_default().with(&config.own_client),
            issuer: config.issuer.clone(),
            timings: Timings::default(),
            store: store.clone(),
            users,
            clock: clock.clone(),
        };
        Ok(Self {
            service: AuthService::new(parts),
            store,
            database,
            clock,
        })
    }

    /// The rules, for commands and for the first admin.
    pub fn service(&self) -> &AuthService {
        &self.service
    }

    /// Makes the first admin if there is none, and tells whoever starts the process: at once, for a password that was made up is known to
    /// nobody else, and gone if the start fails after this.
    pub async fn bootstrap(&self, config: &Config) -> Result<(), Failure> {
        let mut terminal = std::io::stderr();
        let first = config.first_admin(terminal.is_terminal());
        self.service.bootstrap(first).await?.announce(&mut terminal)?;
        Ok(())
    }

    /// What other services may call.
    pub fn accounts(&self) -> Arc<dyn Accounts> {
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
        health.hard("accounts", move || {
            let store = store.clone();
            async move { store.check().await.map_err(|error| error.to_string()) }
        })
    }

    /// Commits what waits and closes the database.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Starts what runs beside the requests, until the process closes: the relay of the outbox, the deletion of what is not
    /// needed any more, the rotation of keys, and the telling of users.
    pub fn start(&self, bus: Arc<dyn Bus>, lifecycle: &Lifecycle) {
        let Self {
            database,
            clock,
            service,
            ..
        } = self;
        // A counter that is not there yet cannot be seen rising.
        metrics::counter!("auth_refresh_reuse_total").increment(0);
        let stop = CancellationToken::new();
        let relay = Relay::new(NAME, database.outbox(), bus, clock.clone(), database.wake());
        lifecycle.spawn(relay.run(stop.clone()));
        let (house, clock, until) = (database.clone(), clock.clone(), stop.clone());
        lifecycle.spawn(async move { house.keep_house(clock, until).await });
        lifecycle.spawn(jobs::keep_keys(service.clone(), stop.clone()));
        lifecycle.spawn(jobs::tell_users(service.clone(), stop.clone()));
        lifecycle.spawn(jobs::purge_sessions(service.clone(), stop.clone()));
        let lifecycle = lifecycle.clone();
        tokio::spawn(async move {
            lifecycle.closing().await;
            stop.cancel();
        });
    }
}

fn key_source(config: &Config, store: &Arc<dyn AccountStore>, clock: &Arc<dyn Clock>) -> Result<KeySource, KeysError> {
    if let Some(path) = &config.signing_keys_file {
        return Ok(KeySource::File(path.clone()));
    }
    let encryption = match &config.key_encryption_key {
        Some(text) => KeyEncryptionKey::from_text(text.expose())?,
        None => KeyEncryptionKey::in_directory(&config.data_dir, &**clock)?,
    };
    Ok(KeySource::Stored(KeyStore::new(
        store.clone(),
        encryption,
        ROTATE_EVERY,
        clock.clone(),
    )))
}

/// The title of the service's document.
pub fn info() -> Info {
    Info::new("Stoa accounts", "1")
}
