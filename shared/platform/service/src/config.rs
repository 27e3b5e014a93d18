//! The settings every service has.

use std::path::{Path, PathBuf};

use platform_events::EventsConfig;
use platform_runtime::host::HostConfig;
use platform_runtime::settings::{FromSettings, Secret, Settings, SettingsError};
use platform_sql::DatabaseConfig;

/// What an operator can set at every service.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// Listeners, telemetry, the end.
    pub host: HostConfig,
    /// Where the data lie.
    pub database: DatabaseConfig,
    /// Where events go.
    pub events: EventsConfig,
    /// Whose tokens are believed.
    pub issuer: String,
}

impl ServiceConfig {
    /// Reads them; `port` is where the service listens unless `LISTEN_ADDR` says otherwise.
    pub fn load(settings: &mut Settings, port: u16) -> Self {
        let host = HostConfig::load(settings, port);
        let database = database(settings);
        Self {
            host: HostConfig {
                shares_ports: !database.is_embedded(),
                ..host
            },
            database,
            events: EventsConfig::load(settings),
            issuer: settings.get("TOKEN_ISSUER", "stoa", "who signs tokens; the same in every process"),
        }
    }
}

/// How this process proves to others who it is: OAuth 2.0 client credentials (RFC 6749, 4.4).
#[derive(Debug, Clone)]
pub struct ServiceClient {
    /// `SERVICE_CLIENT_ID`.
    pub id: String,
    /// `SERVICE_CLIENT_SECRET`.
    pub secret: Option<Secret>,
}

impl FromSettings for ServiceClient {
    fn load(settings: &mut Settings) -> Self {
        Self {
            id: settings.get(
                "SERVICE_CLIENT_ID",
                "stoa",
                "who this process is to others, as SERVICE_CLIENTS_FILE has it",
            ),
            secret: settings.secret("SERVICE_CLIENT_SECRET", "by which it proves that"),
        }
    }
}

impl ServiceClient {
    /// The secret, for a process that cannot do without.
    pub fn require_secret(&self) -> Result<&Secret, SettingsError> {
        let name = "SERVICE_CLIENT_SECRET";
        let missing = || SettingsError::new(name, "must be set: this process calls other services");
        self.secret.as_ref().ok_or_else(missing)
    }
}

/// Where the data lie: `DATABASE_URL`, else files under `DATA_DIR`.
pub fn database(settings: &mut Settings) -> DatabaseConfig {
    let data_dir = ask_data_dir(settings);
    let url = settings.secret("DATABASE_URL", "postgres://.. or sqlite:<path>");
    let database = DatabaseConfig::from_settings(url.as_ref().map(Secret::expose), &data_dir);
    database.unwrap_or_else(|error| {
        settings.invalid("DATABASE_URL", error);
        DatabaseConfig::SqliteDir(data_dir)
    })
}

/// Where files lie that belong to the data and are not in the database: beside it, or in `DATA_DIR` if it is on a server.
pub fn data_dir(settings: &mut Settings, database: &DatabaseConfig) -> PathBuf {
    match database {
        DatabaseConfig::SqliteDir(dir) => dir.clone(),
        DatabaseConfig::SqliteFile(file) => file.parent().unwrap_or(Path::new(".")).to_owned(),
        DatabaseConfig::Postgres(_) => ask_data_dir(settings),
    }
}

fn ask_data_dir(settings: &mut Settings) -> PathBuf {
    settings.get("DATA_DIR", "./data", "SQLite files, unless DATABASE_URL names a server")
}
