//! The four services in one process.

use std::sync::Arc;

use auth_service::app as auth;
use order_service::app as order;
use order_service::payment::Providers;
use order_service::timings::Timings;
use platform_clock::Clock;
use platform_events::{Bus, revoke_on_events};
use platform_rpc::{Place, Switch};
use platform_runtime::command::Failure;
use platform_runtime::health::Health;
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::trust::Trust;
use platform_sql::{Database, DatabaseConfig, Schema};
use product_client::{SwitchedProducts, SwitchedStock};
use user_client::SwitchedUsers;
use user_service::app as user;

use crate::config::Config;

/// The schemas of the shop, in the order in which they are opened.
pub const SCHEMAS: [Schema; 4] = [user::SCHEMA, auth::SCHEMA, product_service::SCHEMA, order::SCHEMA];

/// The process as the owner of its schemas.
pub const OWNER: &str = "stoa";

/// The services, wired to each other.
pub struct Shop {
    /// Accounts, sessions, keys.
    pub auth: auth::App,
    /// Profiles.
    pub users: user::App,
    /// Catalogue and stock.
    pub products: product_service::App,
    /// Orders.
    pub orders: order::App,
    /// Keys and ended sessions.
    pub trust: Trust,
    databases: [Database; 4],
}

impl Shop {
    /// Opens the databases, brings them up to date and wires the services. Nothing runs yet.
    pub async fn open(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let databases = open_databases(&config.database, &clock).await?;
        let [user_data, auth_data, product_data, order_data] = databases.clone();

        let users = user::App::build(user_data, OWNER, clock.clone()).await?;
        let known_users = Arc::new(SwitchedUsers(Switch::new(Place::Local, users.users())));
        let auth = auth::App::build(&config.auth, auth_data, OWNER, known_users, clock.clone()).await?;
        let products = product_service::App::build(product_data, OWNER, config.currency, clock.clone()).await?;
        let neighbours = order::Neighbours {
            stock: Arc::new(SwitchedStock(Switch::new(Place::Local, products.stock()))),
            products: Arc::new(SwitchedProducts(Switch::new(Place::Local, products.products()))),
            providers: Providers::none(),
        };
        let orders = order::App::build(order_data, OWNER, neighbours, clock.clone(), Timings::default()).await?;
        let trust = Trust::new(&config.auth.issuer, auth.jwks_source(), clock.clone());
        Ok(Self {
            auth,
            users,
            products,
            orders,
            trust,
            databases,
        })
    }

    /// Starts what runs beside the requests, with events over a bus. When it answers, keys are known and what a crash left
    /// behind is finished: the shop can be opened.
    pub async fn start(&self, bus: Arc<dyn Bus>, lifecycle: &Lifecycle) -> Result<(), Failure> {
        revoke_on_events(&*bus, self.trust.revocations()).await?;
        self.trust.refresh().await?;
        self.trust.keep_fresh(lifecycle);
        self.products.start(bus.clone(), lifecycle).await?;
        self.orders.start(bus.clone(), lifecycle).await?;
        self.users.start(bus.clone(), lifecycle);
        self.auth.start(bus, lifecycle);
        Ok(())
    }

    /// What must be there for the shop to be ready.
    pub fn checks(&self, health: Health) -> Health {
        let health = self.users.checks(self.auth.checks(health));
        self.trust.checks(self.orders.checks(self.products.checks(health)))
    }

    /// Commits what waits and closes the databases.
    pub async fn close(&self) {
        for database in &self.databases {
            database.close().await;
        }
    }
}

/// Opens the four side by side.
async fn open_databases(config: &DatabaseConfig, clock: &Arc<dyn Clock>) -> Result<[Database; 4], Failure> {
    let open = async |schema: &Schema| {
        let database = Database::open(config, schema.service, clock.clone()).await?;
        database.migrate(schema).await?;
        Ok::<_, Failure>(database)
    };
    let [user, auth, product, order] = &SCHEMAS;
    let (user, auth, product, order) = tokio::try_join!(open(user), open(auth), open(product), open(order))?;
    Ok([user, auth, product, order])
}
