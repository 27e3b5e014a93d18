//! Takes connections off a socket.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::connection::{self, Protocols};
use super::peers::Peers;
use super::{Limits, PeerAddr};
use crate::lifecycle::Lifecycle;
use crate::server::App;

/// How long to wait when the process has no file descriptor left.
const OUT_OF_FILES_PAUSE: Duration = Duration::from_millis(100);

/// Serves each connection in a task of its own until the process closes.
pub(super) async fn run(socket: TcpListener, limits: Limits, app: impl App, lifecycle: Lifecycle) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let peers = Peers::new(limits.connections_per_peer);
    let protocols = Arc::new(Protocols::new(limits));
    let closing = lifecycle.closing();
    tokio::pin!(closing);
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await.expect("it is never closed");
            let (stream, peer) = accept(&socket).await;
            (place, stream, peer)
        };
        let (place, stream, peer) = tokio::select! {
            biased;
            () = &mut closing => return,
            next = next => next,
        };
        let Ok(share) = peers.admit(peer.ip()) else {
            tracing::debug!("a peer has too many connections");
            continue;
        };
        let serving = connection::serve(
            stream,
            PeerAddr(peer),
            app.clone(),
            protocols.clone(),
            lifecycle.clone(),
        );
        lifecycle.spawn(async move {
            serving.await;
            drop((place, share));
        });
    }
}

async fn accept(socket: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match socket.accept().await {
            Ok(accepted) => return accepted,
            // The client was gone again before we came.
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections");
                tokio::time::sleep(OUT_OF_FILES_PAUSE).await;
            }
        }
    }
}

fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
