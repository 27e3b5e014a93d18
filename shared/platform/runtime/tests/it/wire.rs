//! A process on port 0 and a client that speaks bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use platform_clock::SystemClock;
use platform_runtime::health::Health;
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::listener::{Limits, Listener};
use platform_runtime::router::{ApiRouter, Guard};
use platform_runtime::server::Server;
use platform_runtime::stack::Stack;
use platform_runtime::{Info, policy, routes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tower::Layer;

/// A handler that says when it began and waits until it is let go on.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) began: mpsc::UnboundedSender<()>,
    pub(crate) go_on: Arc<Notify>,
}

#[utoipa::path(get, path = "/gate", responses((status = 200)), extensions(("x-stoa" = json!(policy::public()))))]
async fn gate(axum::extract::State(gate): axum::extract::State<Gate>) -> &'static str {
    gate.began.send(()).unwrap();
    gate.go_on.notified().await;
    "through"
}

#[utoipa::path(get, path = "/hello", responses((status = 200)), extensions(("x-stoa" = json!(policy::public()))))]
async fn hello() -> &'static str {
    "hello"
}

#[utoipa::path(get, path = "/panic", responses((status = 200)), extensions(("x-stoa" = json!(policy::public()))))]
async fn panic() {
    panic!("the secret is forty-two");
}

#[utoipa::path(get, path = "/bare", responses((status = 200)), extensions(("x-stoa" = json!(policy::public()))))]
async fn bare() -> StatusCode {
    StatusCode::PAYLOAD_TOO_LARGE
}

/// A running process.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) began: mpsc::UnboundedReceiver<()>,
    pub(crate) go_on: Arc<Notify>,
    pub(crate) ended: tokio::task::JoinHandle<bool>,
}

/// Starts a process with these limits and this drain delay.
pub(crate) fn start(limits: Limits, drain_delay: Duration) -> Running {
    start_behind(&Stack::new(Arc::new(SystemClock)), limits, drain_delay)
}

/// The same behind a stack of the test's choice.
pub(crate) fn start_behind(stack: &Stack, limits: Limits, drain_delay: Duration) -> Running {
    let lifecycle = Lifecycle::new(drain_delay);
    let (sender, began) = mpsc::unbounded_channel();
    let gate_state = Gate {
        began: sender,
        go_on: Arc::default(),
    };
    let go_on = gate_state.go_on.clone();
    let health = Health::new(lifecycle.clone()).hard("database", || async { Ok(()) });
    let router = ApiRouter::new().routes(routes!(gate)).with_state(gate_state);
    let router = router
        .routes(routes!(hello))
        .routes(routes!(panic))
        .routes(routes!(bare))
        .merge(health.routes());
    let built = router.build(Info::new("test", "1"), &Guard::default()).unwrap();
    let app = stack.layer(built.router);
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), limits).unwrap();
    let address = listener.local_addr();
    let mut server = Server::new(lifecycle.clone());
    server.add(listener, app);
    Running {
        address,
        lifecycle,
        began,
        go_on,
        ended: tokio::spawn(server.run()),
    }
}

impl Running {
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// One request on a connection of its own; the answer as text.
    pub(crate) async fn send(&self, head: &str) -> String {
        let mut stream = self.connect().await;
        write(&mut stream, &format!("{head}\r\nHost: t\r\nConnection: close\r\n\r\n")).await;
        read_all(&mut stream).await
    }
}

pub(crate) async fn write(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// What comes until the other end closes. A reset counts as a close.
pub(crate) async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut bytes))
        .await
        .unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One answer of known length; the connection stays open.
pub(crate) async fn read_answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        let mut buffer = [0; 1024];
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        assert!(read > 0, "closed after {text:?}");
        bytes.extend_from_slice(&buffer[..read]);
    }
}
