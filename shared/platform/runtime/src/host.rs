//! What every `main` does the same: settings of the process, telemetry, listeners, the end.
//!
//! ```no_run
//! # use platform_runtime::{command::Outcome, host::{Host, HostConfig}};
//! # async fn serve(config: HostConfig, router: axum::Router) -> Outcome {
//! let mut host = Host::start(&config, "product-service")?;
//! // Build the service here; `host.lifecycle()` is for its health and its jobs.
//! host.serve_public(router)?;
//! host.serve_admin(axum::Router::new())?;
//! host.run().await;
//! # Ok(())
//! # }
//! ```

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use platform_clock::SystemClock;
use tower::Layer;

use crate::admin;
use crate::lifecycle::Lifecycle;
use crate::listener::{Limits, Listener};
use crate::server::{App, Server};
use crate::settings::Settings;
use crate::stack::Stack;
use crate::telemetry::{Telemetry, TelemetryConfig, TelemetryError};

/// The settings every process has.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// The public listener.
    pub listen: SocketAddr,
    /// Metrics and operations.
    pub admin_listen: SocketAddr,
    /// How long to go on serving after SIGTERM.
    pub drain_delay: Duration,
    /// Off for load tests and black-box suites.
    pub rate_limits: bool,
    /// Whether connections are counted by address, as `rate_limits` says. A process behind a proxy, which is one address for
    /// everybody, sets it to false.
    pub counts_peers: bool,
    /// Whether a successor may listen where this process does while it drains. Not if this one alone may open its database: no
    /// successor can be ready beside it, and another shop on its port would take every other request.
    pub shares_ports: bool,
    /// Logs and traces.
    pub telemetry: TelemetryConfig,
}

/// The process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Telemetry cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// An address cannot be listened on.
    #[error("{setting}: cannot listen on {address}")]
    Listen {
        /// The setting that names it.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Signals cannot be waited for.
    #[error("cannot wait for signals")]
    Signals(#[source] io::Error),
}

impl HostError {
    fn listen(setting: &'static str, address: SocketAddr) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Listen {
            setting,
            address,
            source,
        }
    }
}

impl HostConfig {
    /// How far the admin port is from the public one.
    const ADMIN_OFFSET: u16 = 1000;

    /// Reads them; `port` is the one this process has by default.
    pub fn load(settings: &mut Settings, port: u16) -> Self {
        let usual = format!("0.0.0.0:{port}");
        let listen: SocketAddr = settings.get("LISTEN_ADDR", &usual, "public listener: HTTP/1.1 and h2c on one port");
        // Port 0 is any free port, for the admin listener too.
        let admin_port = match listen.port() {
            0 => 0,
            port => port
                .checked_add(Self::ADMIN_OFFSET)
                .unwrap_or_else(|| port - Self::ADMIN_OFFSET),
        };
        let usual = format!("127.0.0.1:{admin_port}");
        let admin_listen = settings.get("ADMIN_LISTEN_ADDR", &usual, "metrics and operations; the port + 1000");
        let usual = if io::stderr().is_terminal() { "0s" } else { "5s" };
        let about = "request limits and connections per address; off for load tests";
        let rate_limits = settings.flag("RATE_LIMITS", "on", about);
        Self {
            listen,
            admin_listen,
            drain_delay: settings.duration("DRAIN_DELAY", usual, "how long to go on serving after SIGTERM"),
            rate_limits,
            counts_peers: rate_limits,
            shares_ports: true,
            telemetry: crate::settings::FromSettings::load(settings),
        }
    }
}

/// A process that runs: it has telemetry and minds signals.
pub struct Host {
    config: HostConfig,
    telemetry: Telemetry,
    lifecycle: Lifecycle,
    server: Server,
}

impl Host {
    /// Starts telemetry and the wait for signals, and looks whether the listeners will find their addresses free: a start that
    /// fails by them is to leave nothing behind. Once in a process, inside a runtime.
    pub fn start(config: &HostConfig, name: &'static str) -> Result<Self, HostError> {
        for (setting, address) in [
            ("LISTEN_ADDR", config.listen),
            ("ADMIN_LISTEN_ADDR", config.admin_listen),
        ] {
            Listener::check(address, config.shares_ports).map_err(HostError::listen(setting, address))?;
        }
        let telemetry = Telemetry::start(&config.telemetry, name)?;
        let lifecycle = Lifecycle::new(config.drain_delay);
        lifecycle.stop_on_signals().map_err(HostError::Signals)?;
        Ok(Self {
            config: config.clone(),
            telemetry,
            server: Server::new(lifecycle.clone()),
            lifecycle,
        })
    }

    /// The phase of the process, for health and for work that must be finished.
    pub fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    /// Serves an app behind the [`Stack`] on the public listener: the door of the shop, a gateway's. Answers the address,
    /// with the port that port 0 became.
    pub fn serve_public(&mut self, app: impl App) -> Result<SocketAddr, HostError> {
        let (address, limits) = (self.config.listen, Limits::public(self.config.counts_peers));
        let app = Stack::new(Arc::new(SystemClock)).layer(app);
        self.serve("LISTEN_ADDR", address, limits, app)
    }

    /// Serves an app behind the [`Stack`] on a listener for processes of ours, which a service's `LISTEN_ADDR` is: they keep
    /// connections longer and are not counted by address.
    pub fn serve_inner(
        &mut self,
        setting: &'static str,
        address: SocketAddr,
        app: impl App,
    ) -> Result<SocketAddr, HostError> {
        let app = Stack::inner(Arc::new(SystemClock)).layer(app);
        self.serve(setting, address, Limits::inner(), app)
    }

    /// Serves metrics and the operations of this process.
    pub fn serve_admin(&mut self, operations: Router) -> Result<SocketAddr, HostError> {
        let address = self.config.admin_listen;
        let router = admin::router(self.telemetry.metrics().clone()).merge(operations);
        self.serve("ADMIN_LISTEN_ADDR", address, Limits::inner(), router)
    }

    /// Waits for the end, lets what runs finish and sends the last of the telemetry.
    pub async fn run(self) {
        self.server.run().await;
        tracing::info!("stopped");
        self.telemetry.shutdown().await;
    }

    fn serve(
        &mut self,
        setting: &'static str,
        address: SocketAddr,
        limits: Limits,
        app: impl App,
    ) -> Result<SocketAddr, HostError> {
        let bound = Listener::open(address, limits, self.config.shares_ports);
        let listener = bound.map_err(HostError::listen(setting, address))?;
        let address = listener.local_addr();
        tracing::info!(%address, setting, "listening");
        self.server.add(listener, app);
        Ok(address)
    }
}
