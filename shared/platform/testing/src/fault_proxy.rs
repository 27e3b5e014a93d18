//! A network that misbehaves when told to.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// What goes wrong between a client and a server. A change touches the connections that are open, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Nobody listens; connections that were open end.
    Refuse,
    /// Connections are closed as soon as they are made.
    Drop,
    /// The same with a reset.
    Reset,
    /// Nothing passes, either way, and nobody is told. What was sent meanwhile arrives when the fault ends.
    Blackhole,
    /// Every piece of an answer comes so much later.
    Delay(Duration),
    /// The server's direction is closed at once; what the client sends still arrives.
    HalfClose,
    /// Requests arrive and are carried out; instead of the answer comes a reset.
    LoseAnswers,
}

/// Stands between clients and a server, in this process.
///
/// ```no_run
/// # async fn test(server: std::net::SocketAddr) {
/// use platform_testing::{Fault, FaultProxy};
/// let proxy = FaultProxy::start("127.0.0.1:0".parse().unwrap(), server).await;
/// // Clients are told `proxy.address()`.
/// proxy.set(Fault::Blackhole).await;
/// # }
/// ```
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    applied: watch::Receiver<Fault>,
    connections: Arc<AtomicUsize>,
}

impl FaultProxy {
    /// Listens for clients of a server. It ends when it is dropped.
    ///
    /// # Panics
    /// If the address cannot be bound.
    pub async fn start(address: SocketAddr, server: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("the address is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (fault, told) = watch::channel(Fault::None);
        let (apply, applied) = watch::channel(Fault::None);
        let connections = Arc::<AtomicUsize>::default();
        tokio::spawn(listen(listener, server, told, apply, connections.clone()));
        Self {
            address,
            fault,
            applied,
            connections,
        }
    }

    /// How many connections clients have made so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Where clients find it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on this goes wrong. Comes back when new connections meet the fault.
    ///
    /// # Panics
    /// If it was refusing connections, and its address is taken.
    pub async fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
        let mut applied = self.applied.clone();
        let reached = applied.wait_for(|applied| *applied == fault).await;
        reached.expect("the address is free");
    }
}

async fn listen(
    listener: TcpListener,
    server: SocketAddr,
    mut told: watch::Receiver<Fault>,
    applied: watch::Sender<Fault>,
    connections: Arc<AtomicUsize>,
) {
    let Ok(address) = listener.local_addr() else { return };
    let mut listener = Some(listener);
    loop {
        let fault = *told.borrow_and_update();
        if fault == Fault::Refuse {
            listener = None;
        } else if listener.is_none() {
            let Ok(bound) = TcpListener::bind(address).await else {
                return;
            };
            listener = Some(bound);
        }
        applied.send_replace(fault);
        let accepting = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = told.changed() => if changed.is_err() { return },
            accepted = accepting => if let Ok((client, _)) = accepted {
                connections.fetch_add(1, Ordering::Relaxed);
                // How a connection ends is what the test is about, and is seen at its ends.
                let told = told.clone();
                tokio::spawn(async move { carry(client, server, told).await });
            },
        }
    }
}

/// Carries one connection's bytes until either end closes or a fault ends it.
async fn carry(mut client: TcpStream, server: SocketAddr, mut told: watch::Receiver<Fault>) -> io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut up, mut down) = (vec![0_u8; 16 * 1024], vec![0_u8; 16 * 1024]);
    let mut is_closed_down = false;
    loop {
        let fault = *told.borrow_and_update();
        match fault {
            Fault::Refuse | Fault::Drop => return Ok(()),
            Fault::Reset => return client.set_zero_linger(),
            Fault::Blackhole => {
                if told.changed().await.is_err() {
                    return Ok(());
                }
                continue;
            }
            Fault::HalfClose if !is_closed_down => {
                client.shutdown().await?;
                is_closed_down = true;
            }
            Fault::HalfClose | Fault::None | Fault::Delay(_) | Fault::LoseAnswers => {}
        }
        tokio::select! {
            changed = told.changed() => if changed.is_err() { return Ok(()) },
            read = client.read(&mut up) => match read? {
                0 => return Ok(()),
                count => server.write_all(&up[..count]).await?,
            },
            read = server.read(&mut down) => {
                let count = read?;
                match fault {
                    Fault::LoseAnswers => return client.set_zero_linger(),
                    Fault::Delay(time) => sleep(time).await,
                    _ => {}
                }
                if count == 0 {
                    return Ok(());
                }
                if !is_closed_down {
                    client.write_all(&down[..count]).await?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Instant, timeout};

    /// A server that sends back what it gets, behind a proxy.
    async fn echo() -> FaultProxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        FaultProxy::start("127.0.0.1:0".parse().unwrap(), server).await
    }

    async fn client(proxy: &FaultProxy) -> TcpStream {
        TcpStream::connect(proxy.address()).await.unwrap()
    }

    async fn exchange(stream: &mut TcpStream) -> io::Result<usize> {
        stream.write_all(b"hello").await?;
        let mut answer = [0_u8; 16];
        stream.read(&mut answer).await
    }

    #[tokio::test]
    async fn without_a_fault_bytes_pass_both_ways() {
        let proxy = echo().await;
        assert_eq!(exchange(&mut client(&proxy).await).await.unwrap(), 5);
    }

    #[tokio::test]
    async fn refused_dropped_and_reset_are_what_their_names_say() {
        let proxy = echo().await;
        let mut open = client(&proxy).await;
        exchange(&mut open).await.unwrap();
        proxy.set(Fault::Refuse).await;
        let refused = TcpStream::connect(proxy.address()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(open.read(&mut [0_u8; 1]).await.unwrap(), 0, "what was open ends");
        proxy.set(Fault::Drop).await;
        assert_eq!(client(&proxy).await.read(&mut [0_u8; 1]).await.unwrap(), 0);
        proxy.set(Fault::Reset).await;
        let reset = client(&proxy).await.read(&mut [0_u8; 1]).await.unwrap_err();
        assert_eq!(reset.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn a_blackhole_swallows_nothing_for_good() {
        let proxy = echo().await;
        let mut stream = client(&proxy).await;
        exchange(&mut stream).await.unwrap();
        proxy.set(Fault::Blackhole).await;
        let silence = timeout(Duration::from_millis(50), exchange(&mut stream)).await;
        assert!(silence.is_err());
        proxy.set(Fault::None).await;
        assert_eq!(stream.read(&mut [0_u8; 16]).await.unwrap(), 5);
    }

    #[tokio::test]
    async fn answers_come_late_or_not_at_all() {
        let proxy = echo().await;
        let mut stream = client(&proxy).await;
        proxy.set(Fault::Delay(Duration::from_millis(30))).await;
        let begun = Instant::now();
        exchange(&mut stream).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(30));
        proxy.set(Fault::LoseAnswers).await;
        let lost = exchange(&mut stream).await.unwrap_err();
        assert_eq!(lost.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn a_half_closed_connection_ends_one_way_alone() {
        let proxy = echo().await;
        let mut stream = client(&proxy).await;
        exchange(&mut stream).await.unwrap();
        proxy.set(Fault::HalfClose).await;
        assert_eq!(stream.read(&mut [0_u8; 1]).await.unwrap(), 0);
        stream.write_all(b"still taken").await.unwrap();
    }
}
