//! A shop whose services are where a layout says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use platform_sql::DatabaseConfig;
use platform_sql::testing::TestDatabase;
use platform_testing::{NatsServer, Process, free_address};
use tempfile::TempDir;

pub(crate) const ADMIN: &str = "admin@shop.example";
pub(crate) const ADMIN_PASSWORD: &str = "a password for the admin";

/// What every process proves itself with; SHA-256 of it stands in the file of clients.
const SECRET: &str = "secret";
pub(crate) const CLIENTS: &str = r#"[{"id": "stoa", "audiences": ["auth", "user", "product", "order"],
    "secret_sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}]"#;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    Auth,
    User,
    Product,
    Order,
}

/// How services call each other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scheme {
    Http,
    Grpc,
}

/// Which processes there are.
pub(crate) enum Layout {
    /// `stoa` alone.
    OneProcess(TestDatabase),
    /// The gateway and four services, each on its own file or all on one server.
    Five(Scheme, Option<TestDatabase>),
    /// `stoa`, and some services beside it.
    Extracted {
        services: BTreeSet<Service>,
        scheme: Scheme,
    },
}

/// Its processes, and the servers they need.
pub(crate) struct Cluster {
    door: Process,
    services: BTreeMap<Service, Process>,
    nats: Option<NatsServer>,
    _files: TempDir,
}

impl Service {
    pub(crate) const ALL: [Self; 4] = [Self::Auth, Self::User, Self::Product, Self::Order];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::User => "user",
            Self::Product => "product",
            Self::Order => "order",
        }
    }

    /// Whom it calls.
    pub(crate) fn calls(self) -> &'static [Self] {
        match self {
            Self::Auth => &[Self::User],
            Self::User | Self::Product => &[Self::Auth],
            Self::Order => &[Self::Auth, Self::Product],
        }
    }

    pub(crate) fn binary(self) -> PathBuf {
        binary(&format!("{}-service", self.name()))
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneProcess(database) => write!(f, "one process on {}", database.config()),
            Self::Five(scheme, database) => {
                let database = if database.is_some() { "Postgres" } else { "SQLite" };
                write!(f, "five processes over {scheme:?} on {database}")
            }
            Self::Extracted { services, scheme } => {
                write!(f, "one process without {services:?}, over {scheme:?}")
            }
        }
    }
}

impl Layout {
    fn extracted(&self) -> BTreeSet<Service> {
        match self {
            Self::OneProcess(_) => BTreeSet::new(),
            Self::Five(..) => Service::ALL.into_iter().collect(),
            Self::Extracted { services, .. } => services.clone(),
        }
    }

    fn scheme(&self) -> &'static str {
        match self {
            Self::Five(Scheme::Grpc, _)
            | Self::Extracted {
                scheme: Scheme::Grpc, ..
            } => "grpc",
            _ => "http",
        }
    }

    fn database(&self) -> Option<&TestDatabase> {
        match self {
            Self::OneProcess(database) | Self::Five(_, Some(database)) => Some(database),
            Self::Five(_, None) | Self::Extracted { .. } => None,
        }
    }
}

impl Cluster {
    /// Opens it and waits until all of it is ready. None, after saying so, where there is no NATS server to be had.
    pub(crate) async fn open(layout: &Layout) -> Option<Self> {
        Self::open_with(layout, &[]).await
    }

    /// The same with more settings of every process.
    pub(crate) async fn open_with(layout: &Layout, more: &[(&'static str, String)]) -> Option<Self> {
        let extracted = layout.extracted();
        let nats = if extracted.is_empty() {
            None
        } else {
            Some(NatsServer::start().await?)
        };
        let files = tempfile::tempdir().unwrap();
        let clients = files.path().join("clients.json");
        std::fs::write(&clients, CLIENTS).unwrap();

        // Everybody knows where everybody will be.
        let addresses: BTreeMap<Service, SocketAddr> =
            extracted.iter().map(|service| (*service, free_address())).collect();
        let rest = free_address();
        let url = |service: Service| {
            let address = addresses.get(&service).unwrap_or(&rest);
            format!("{}://{address}", layout.scheme())
        };
        let settings = |process: &str, calls: &[Service]| {
            let mut settings = common(&clients);
            settings.extend_from_slice(more);
            settings.extend(nats.iter().map(|nats| ("NATS_URL", nats.url())));
            settings.push(place(layout.database(), &files.path().join(process)));
            settings.extend(calls.iter().map(|&service| (url_setting(service), url(service))));
            settings
        };
        let launch = |address: SocketAddr, binary: &Path, settings: Vec<(&'static str, String)>| {
            let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
            Process::launch_on(address, binary, &["serve"], &settings)
        };

        let mut services = BTreeMap::new();
        for (&service, &address) in &addresses {
            let process = launch(address, &service.binary(), settings(service.name(), service.calls()));
            services.insert(service, process);
        }
        let door = if let Layout::Five(..) = layout {
            launch(
                free_address(),
                &binary("api-gateway"),
                settings("gateway", &Service::ALL),
            )
        } else {
            let calls: Vec<Service> = extracted.iter().copied().collect();
            let mut settings = settings("stoa", &calls);
            settings.push(("SERVICES_LISTEN_ADDR", rest.to_string()));
            launch(free_address(), &binary("stoa"), settings)
        };
        let mut ready = BTreeMap::new();
        for (service, process) in services {
            ready.insert(service, process.ready().await);
        }
        Some(Self {
            door: door.ready().await,
            services: ready,
            nats,
            _files: files,
        })
    }

    /// Where its clients go.
    pub(crate) fn url(&self) -> String {
        self.door.url("")
    }

    /// The processes by name, and where their metrics are.
    pub(crate) fn admins(&self) -> Vec<(String, String)> {
        let door = std::iter::once(("api-gateway".to_owned(), self.door.admin.to_string()));
        let services = self.services.iter();
        let services =
            services.map(|(service, process)| (format!("{}-service", service.name()), process.admin.to_string()));
        door.chain(services).collect()
    }

    /// Ends a service with SIGKILL; nobody takes its place.
    pub(super) async fn kill(&mut self, service: Service) {
        self.services.remove(&service).expect("it is a process").kill().await;
    }

    /// Ends the broker with SIGKILL.
    pub(super) async fn kill_nats(&mut self) {
        self.nats.as_mut().expect("there is a broker").kill().await;
    }

    /// Ends it as an operator would: nobody may complain.
    pub(crate) async fn stop(self) {
        for process in std::iter::once(self.door).chain(self.services.into_values()) {
            let status = process.terminate().await;
            assert!(status.success(), "{status}");
        }
    }
}

/// What every process of a test's shop is set to.
pub(crate) fn common(clients: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("BOOTSTRAP_ADMIN_EMAIL", ADMIN.to_owned()),
        ("BOOTSTRAP_ADMIN_PASSWORD", ADMIN_PASSWORD.to_owned()),
        ("KEY_ENCRYPTION_KEY", "00".repeat(32)),
        ("RATE_LIMITS", "off".to_owned()),
        ("SERVICE_CLIENT_SECRET", SECRET.to_owned()),
        ("SERVICE_CLIENTS_FILE", clients.to_str().unwrap().to_owned()),
    ]
}

/// Where a process keeps its data: on the server, or in files of its own.
fn place(database: Option<&TestDatabase>, files: &Path) -> (&'static str, String) {
    let path = |path: &Path| ("DATA_DIR", path.to_str().unwrap().to_owned());
    match database.map(TestDatabase::config) {
        Some(DatabaseConfig::Postgres(server)) => ("DATABASE_URL", server.url.clone()),
        Some(DatabaseConfig::SqliteDir(dir) | DatabaseConfig::SqliteFile(dir)) => path(dir),
        None => path(files),
    }
}

pub(crate) fn url_setting(service: Service) -> &'static str {
    match service {
        Service::Auth => "AUTH_SERVICE_URL",
        Service::User => "USER_SERVICE_URL",
        Service::Product => "PRODUCT_SERVICE_URL",
        Service::Order => "ORDER_SERVICE_URL",
    }
}

/// A binary of the workspace; cargo builds them all beside each other.
pub(crate) fn binary(name: &str) -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_stoa")).with_file_name(name);
    assert!(
        binary.exists(),
        "{} is not there: cargo build --workspace --bins makes it",
        binary.display()
    );
    binary
}
