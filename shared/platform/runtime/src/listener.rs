//! The lowest layer: sockets, connections and their limits. Nothing above can protect what is below.
//!
//! axum's own `serve` sets no timer, so its header time-out never fires; hyper-util's `auto` has none before the first
//! byte. So the loop is ours: `protocol` finds out which HTTP is spoken within a limit, hyper does the rest, and
//! `connection` ends what is idle or too old.

mod accept;
mod connection;
mod peers;
mod protocol;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use tokio::net::TcpListener;

use crate::lifecycle::Lifecycle;
use crate::server::App;

pub use connection::PeerAddr;

/// What a listener bears.
#[derive(Debug, Clone)]
pub struct Limits {
    /// From the accept to the bytes that tell the protocol.
    pub first_bytes: Duration,
    /// From the first byte of a request head to its last; HTTP/1.1 also idles this long between requests.
    pub head: Duration,
    /// An HTTP/2 connection without a stream ends after this.
    pub idle_h2: Duration,
    /// Connections are asked to go at this age, give or take a tenth, so that new replicas get their share.
    pub max_age: Duration,
    /// Connections at once; the rest wait in the backlog.
    pub connections: usize,
    /// Connections at once of one address (IPv6: one /64); more are closed at once.
    pub connections_per_peer: Option<usize>,
    /// Headers in one head.
    pub headers: usize,
    /// Bytes of one head.
    pub head_bytes: usize,
    /// HTTP/2 streams at once on one connection.
    pub streams: u32,
}

impl Limits {
    /// For clients nobody vouches for.
    pub fn public(counts_peers: bool) -> Self {
        Self {
            first_bytes: Duration::from_secs(10),
            head: Duration::from_secs(10),
            idle_h2: Duration::from_mins(1),
            max_age: Duration::from_mins(10),
            connections: 10_000,
            connections_per_peer: counts_peers.then_some(256),
            headers: 64,
            head_bytes: 32 * 1024,
            streams: 100,
        }
    }

    /// For processes of ours: they keep connections longer than a client does, and are few.
    pub fn inner() -> Self {
        Self {
            head: Duration::from_secs(30),
            connections_per_peer: None,
            streams: 250,
            ..Self::public(false)
        }
    }
}

/// A bound socket.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    limits: Limits,
}

impl Listener {
    /// Connections the kernel keeps for us while we are busy.
    const BACKLOG: i32 = 1024;

    /// A peer that does not take our bytes for so long is gone.
    const UNACKNOWLEDGED: Duration = Duration::from_mins(1);

    /// Binds an address. A successor may bind it too while this process drains.
    pub fn bind(address: SocketAddr, limits: Limits) -> io::Result<Self> {
        Self::open(address, limits, true)
    }

    /// Whether an address can be bound, before anything is done that cannot be undone.
    pub(crate) fn check(address: SocketAddr, shared: bool) -> io::Result<()> {
        Self::bound(address, shared).map(drop)
    }

    /// Binds an address; unless it is `shared`, nobody else may listen there.
    pub(crate) fn open(address: SocketAddr, limits: Limits, shared: bool) -> io::Result<Self> {
        let socket = Self::bound(address, shared)?;
        // Accepted sockets inherit these, which saves the system calls for each of them.
        socket.set_tcp_nodelay(true)?;
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(Self::UNACKNOWLEDGED))?;
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(Self::UNACKNOWLEDGED))?;
        socket.set_nonblocking(true)?;
        socket.listen(Self::BACKLOG)?;
        let socket = TcpListener::from_std(socket.into())?;
        let address = socket.local_addr()?;
        Ok(Self {
            socket,
            address,
            limits,
        })
    }

    fn bound(address: SocketAddr, shared: bool) -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(shared)?;
        socket.bind(&address.into())?;
        Ok(socket)
    }

    /// The address, with the port that port 0 became.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Takes connections until the process closes, then lets go of the socket.
    pub(crate) async fn serve(self, app: impl App, lifecycle: Lifecycle) {
        accept::run(self.socket, self.limits, app, lifecycle).await;
    }
}
