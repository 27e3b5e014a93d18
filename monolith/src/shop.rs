//! The services of one process, wired to each other and to those in other processes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use api_gateway::Service;
use auth_client::{AccountsKeys, SwitchedAccounts};
use auth_service::app as auth;
use futures::{StreamExt, stream};
use order_service::app as order;
use order_service::payment::Providers;
use order_service::timings::Timings;
use platform_clock::Clock;
use platform_events::{Bus, revoke_on_events};
use platform_rpc::{Availability, Place, Switch, Target};
use platform_runtime::command::Failure;
use platform_runtime::grpc::GrpcRouter;
use platform_runtime::health::Health;
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::router::ApiRouter;
use platform_runtime::trust::Trust;
use platform_sql::{Company, Database, Schema};
use product_client::{SwitchedProducts, SwitchedStock};
use user_client::SwitchedUsers;
use user_service::app as user;

use crate::config::Config;
use crate::outside::Outside;
use crate::places::NotHere;

/// The process as the owner of its schemas.
pub const OWNER: &str = "stoa";

/// The services of this process; none is one that lives elsewhere.
pub struct Shop {
    /// Accounts, sessions, keys.
    pub auth: Option<auth::App>,
    /// Profiles.
    pub users: Option<user::App>,
    /// Catalogue and stock.
    pub products: Option<product_service::App>,
    /// Orders.
    pub orders: Option<order::App>,
    /// Keys and ended sessions.
    pub trust: Trust,
    /// The way to those in other processes.
    pub outside: Outside,
    /// Whether products in other processes can be asked.
    remote_products: Option<Availability>,
    neighbours: Neighbours,
    databases: Vec<(Service, Database)>,
    /// What runs beside the requests, by service.
    running: Mutex<HashMap<Service, Lifecycle>>,
}

/// How the services of this process hold each other.
struct Neighbours {
    accounts: Arc<SwitchedAccounts>,
    users: Arc<SwitchedUsers>,
    stock: Arc<SwitchedStock>,
    products: Arc<SwitchedProducts>,
}

impl Shop {
    /// Opens the databases, brings them up to date and wires the services. Nothing runs yet.
    pub async fn open(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let places = &config.places;
        let accounts = Arc::new(SwitchedAccounts::away());
        let outside = Outside::new(accounts.clone(), config.auth.own_client.clone(), clock.clone());
        let databases = open_databases(config, &clock).await?;
        let names = [Service::User, Service::Auth, Service::Product, Service::Order];
        let opened = names.into_iter().zip(databases.iter().cloned());
        let opened = opened
            .filter_map(|(service, database)| Some((service, database?)))
            .collect();
        let [user_data, auth_data, product_data, order_data] = databases;

        let users = match user_data {
            Some(database) => Some(user::App::build(database, OWNER, clock.clone()).await?),
            None => None,
        };
        let remote_users = places.user.as_ref().map(|target| outside.users(target).users);
        let known_users = switch(users.as_ref().map(user::App::users), remote_users);
        let known_users = Arc::new(SwitchedUsers(known_users));
        let auth = match auth_data {
            Some(database) => {
                Some(auth::App::build(&config.auth, database, OWNER, known_users.clone(), clock.clone()).await?)
            }
            None => None,
        };
        if let Some(auth) = &auth {
            accounts.0.turn(Place::Local, auth.accounts());
        }
        if let Some(target) = &places.auth {
            accounts.0.turn(Place::Remote, outside.auth(target).accounts);
        }
        let products = match product_data {
            Some(database) => Some(product_service::App::build(database, OWNER, config.currency, clock.clone()).await?),
            None => None,
        };
        let remote_products = places.product.as_ref().map(|target| outside.products(target));
        let (local, remote) = (products.as_ref(), remote_products.as_ref());
        let stock = switch(
            local.map(product_service::App::stock),
            remote.map(|it| it.stock.clone()),
        );
        let catalogue = switch(
            local.map(product_service::App::products),
            remote.map(|it| it.products.clone()),
        );
        let neighbours = Neighbours {
            accounts: accounts.clone(),
            users: known_users,
            stock: Arc::new(SwitchedStock(stock)),
            products: Arc::new(SwitchedProducts(catalogue)),
        };
        let orders = match order_data {
            Some(database) => {
                let neighbours = order::Neighbours {
                    stock: neighbours.stock.clone(),
                    products: neighbours.products.clone(),
                    providers: Providers::none(),
                };
                Some(order::App::build(database, OWNER, neighbours, clock.clone(), Timings::default()).await?)
            }
            None => None,
        };
        let trust = Trust::new(
            &config.auth.issuer,
            Arc::new(AccountsKeys::new(accounts)),
            clock.clone(),
        );
        Ok(Self {
            auth,
            users,
            products,
            orders,
            trust,
            outside,
            remote_products: remote_products.map(|remote| remote.availability),
            neighbours,
            databases: opened,
            running: Mutex::default(),
        })
    }

    /// Notes that this process serves its schemas; `false` if it may not, for others do.
    pub async fn attend(&self, company: Company) -> Result<bool, Failure> {
        for (_, database) in &self.databases {
            if !database.attend(company).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Starts what runs beside the requests, with events over a bus. When it answers, what a crash left behind is finished
    /// and, if auth is in this process, keys are known: the shop can be opened.
    pub async fn start(&self, bus: Arc<dyn Bus>, lifecycle: &Lifecycle) -> Result<(), Failure> {
        revoke_on_events(&*bus, self.trust.revocations()).await?;
        if self.auth.is_some() {
            self.trust.refresh().await?;
        }
        self.trust.keep_fresh(lifecycle);
        // Orders take up what a crash left behind, and need products for it.
        for service in [Service::Product, Service::Order, Service::User, Service::Auth] {
            self.start_service(service, bus.clone(), lifecycle).await?;
        }
        Ok(())
    }

    /// Starts what runs beside the requests of one service, if it is here.
    pub async fn start_service(
        &self,
        service: Service,
        bus: Arc<dyn Bus>,
        lifecycle: &Lifecycle,
    ) -> Result<(), Failure> {
        let part = lifecycle.part();
        match service {
            Service::Product => {
                if let Some(products) = &self.products {
                    products.start(bus, &part).await?;
                }
            }
            Service::Order => {
                if let Some(orders) = &self.orders {
                    orders.start(bus, &part).await?;
                    if let Some(products) = &self.remote_products {
                        orders.resume_on(products.clone().restorations(), &part);
                    }
                }
            }
            Service::User => {
                if let Some(users) = &self.users {
                    users.start(bus, &part);
                }
            }
            Service::Auth => {
                if let Some(auth) = &self.auth {
                    auth.start(bus, &part);
                }
            }
        }
        self.running().insert(service, part);
        Ok(())
    }

    /// Ends what runs beside the requests of one service.
    pub async fn stop_service(&self, service: Service) {
        let part = self.running().remove(&service);
        if let Some(part) = part {
            part.end().await;
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<Service, Lifecycle>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The database of a service that is here.
    pub fn database(&self, service: Service) -> Option<&Database> {
        let mut databases = self.databases.iter();
        databases.find(|(of, _)| *of == service).map(|(_, database)| database)
    }

    /// The databases of the services that work here.
    pub fn local_databases(&self) -> Vec<Database> {
        let running = self.running();
        let here = self
            .databases
            .iter()
            .filter(|(service, _)| running.contains_key(service));
        here.map(|(_, database)| database.clone()).collect()
    }

    /// From now on the services of this process find this one there.
    pub fn turn_to(&self, service: Service, target: &Target, lifecycle: &Lifecycle) {
        let Neighbours {
            accounts,
            users,
            stock,
            products,
        } = &self.neighbours;
        match service {
            Service::Auth => accounts.0.turn(Place::Remote, self.outside.auth(target).accounts),
            Service::User => users.0.turn(Place::Remote, self.outside.users(target).users),
            Service::Product => {
                let remote = self.outside.products(target);
                stock.0.turn(Place::Remote, remote.stock);
                products.0.turn(Place::Remote, remote.products);
                if let Some(orders) = &self.orders {
                    // Those that wait since it was frozen can go on now.
                    let now = stream::once(std::future::ready(()));
                    orders.resume_on(now.chain(remote.availability.restorations()), lifecycle);
                }
            }
            // No service calls it.
            Service::Order => {}
        }
    }

    /// From now on they find it here again.
    pub fn turn_back(&self, service: Service) {
        let Neighbours {
            accounts,
            users,
            stock,
            products,
        } = &self.neighbours;
        if let (Service::Auth, Some(auth)) = (service, &self.auth) {
            accounts.0.turn(Place::Local, auth.accounts());
        }
        if let (Service::User, Some(app)) = (service, &self.users) {
            users.0.turn(Place::Local, app.users());
        }
        if let (Service::Product, Some(app)) = (service, &self.products) {
            stock.0.turn(Place::Local, app.stock());
            products.0.turn(Place::Local, app.products());
        }
    }

    /// Auth, for what is done where it is.
    pub fn require_auth(&self) -> Result<&auth::App, NotHere> {
        self.auth.as_ref().ok_or(NotHere::AUTH)
    }

    /// Products, for what is done where they are.
    pub fn require_products(&self) -> Result<&product_service::App, NotHere> {
        self.products.as_ref().ok_or(NotHere::PRODUCTS)
    }

    /// The routes of the services in this process, each behind its own guard: for services in other processes.
    pub fn routes(&self) -> ApiRouter {
        let mut all = ApiRouter::new();
        let mut add = |routes: ApiRouter, audience| {
            let routes = routes.guarded_by(&self.trust.guard(audience));
            all = std::mem::take(&mut all).merge(routes);
        };
        if let Some(auth) = &self.auth {
            add(auth.routes(), auth::NAME);
        }
        if let Some(users) = &self.users {
            add(users.routes(), user::NAME);
        }
        if let Some(products) = &self.products {
            add(products.routes(), product_service::NAME);
        }
        if let Some(orders) = &self.orders {
            add(orders.routes(), order::NAME);
        }
        all
    }

    /// Their gRPC services.
    pub fn grpc(&self) -> GrpcRouter {
        let guard = |audience| self.trust.guard(audience);
        let auth = self.auth.iter().map(|auth| auth.grpc(&guard(auth::NAME)));
        let users = self.users.iter().map(|users| users.grpc(&guard(user::NAME)));
        let products = self.products.iter().map(|it| it.grpc(&guard(product_service::NAME)));
        let orders = self.orders.iter().map(|orders| orders.grpc(&guard(order::NAME)));
        let all = auth.chain(users).chain(products).chain(orders);
        all.fold(GrpcRouter::new(), GrpcRouter::merge)
    }

    /// What must be there for the shop to be ready.
    pub fn checks(&self, mut health: Health) -> Health {
        if let Some(auth) = &self.auth {
            health = auth.checks(health);
        }
        if let Some(users) = &self.users {
            health = users.checks(health);
        }
        if let Some(products) = &self.products {
            health = products.checks(health);
        }
        if let Some(orders) = &self.orders {
            health = orders.checks(health);
        }
        self.trust.checks(health)
    }

    /// Commits what waits and closes the databases.
    pub async fn close(&self) {
        for (_, database) in &self.databases {
            database.close().await;
        }
    }
}

/// A neighbour where it is.
fn switch<T: ?Sized>(local: Option<Arc<T>>, remote: Option<Arc<T>>) -> Switch<T> {
    match (local, remote) {
        (Some(local), _) => Switch::new(Place::Local, local),
        (None, Some(remote)) => Switch::new(Place::Remote, remote),
        (None, None) => unreachable!("a service is in this process or elsewhere"),
    }
}

/// Opens those of users, auth, products and orders that are in this process, side by side.
async fn open_databases(config: &Config, clock: &Arc<dyn Clock>) -> Result<[Option<Database>; 4], Failure> {
    let open = async |schema: Schema, place: &Option<Target>| {
        if place.is_some() {
            return Ok(None);
        }
        let database = Database::open(&config.database, schema.service, clock.clone()).await?;
        database.migrate(&schema).await?;
        Ok::<_, Failure>(Some(database))
    };
    let places = &config.places;
    let (user, auth, product, order) = tokio::try_join!(
        open(user::SCHEMA, &places.user),
        open(auth::SCHEMA, &places.auth),
        open(product_service::SCHEMA, &places.product),
        open(order::SCHEMA, &places.order),
    )?;
    Ok([user, auth, product, order])
}
