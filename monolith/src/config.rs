//! The settings of `stoa`.

use std::net::SocketAddr;

use api_gateway::GatewaySettings;
use platform_events::EventsConfig;
use platform_runtime::host::HostConfig;
use platform_runtime::settings::{FromSettings, Settings};
use platform_sql::DatabaseConfig;
use values::Currency;

use crate::places::Places;

/// The public port unless `LISTEN_ADDR` names another.
const PORT: u16 = 8080;

/// What an operator can set.
#[derive(Debug, Clone)]
pub struct Config {
    /// Listeners, telemetry, the end.
    pub host: HostConfig,
    /// Where the four services are.
    pub places: Places,
    /// The listener for services in other processes.
    pub services_listen: Option<SocketAddr>,
    /// Where the four services keep their data.
    pub database: DatabaseConfig,
    /// Where events go.
    pub events: EventsConfig,
    /// Keys, sessions, the first admin.
    pub auth: auth_service::config::Config,
    /// Who may call, and how often.
    pub gateway: GatewaySettings,
    /// What prices are in where nothing else is said.
    pub currency: Currency,
}

impl FromSettings for Config {
    fn load(settings: &mut Settings) -> Self {
        let host = HostConfig::load(settings, PORT);
        let places = Places::load(settings);
        let about = "listener for services in other processes, which call those of this one; unset: none";
        let services_listen = settings.optional("SERVICES_LISTEN_ADDR", about);
        let database = platform_service::database(settings);
        let events = EventsConfig::load(settings);
        let auth = auth_service::config::Config::load(settings);
        let gateway = GatewaySettings::load(settings);
        let currency = settings.get("CURRENCY", "USD", "what prices are in where nothing else is said");
        let host = HostConfig {
            // Behind a proxy everybody comes from one address.
            counts_peers: host.counts_peers && gateway.trusted_proxy_hops == 0,
            // A mere gateway keeps nothing.
            shares_ports: !database.is_embedded() || places.schemas().is_empty(),
            ..host
        };
        if places.needs_secret()
            && let Err(error) = platform_service::ServiceClient::load(settings).require_secret()
        {
            settings.invalid("SERVICE_CLIENT_SECRET", error);
        }
        Self {
            host,
            places,
            services_listen,
            database,
            events,
            auth,
            gateway,
            currency,
        }
    }
}
