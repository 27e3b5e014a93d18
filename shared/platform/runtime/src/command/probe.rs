//! Asks a process for its readiness, for containers without a shell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Outcome;

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest body that is shown.
const MAX_BODY: usize = 64 * 1024;

/// `Ok` if the process that listens there is ready; else an error with what it says is missing.
pub async fn ready(listen: SocketAddr) -> Outcome {
    let address = reachable(listen);
    match tokio::time::timeout(PATIENCE, ask(address)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!("{address} did not answer in {} s", PATIENCE.as_secs()).into()),
    }
}

async fn ask(address: SocketAddr) -> Outcome {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| format!("cannot connect to {address}: {error}"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get("/health/ready")
        .header(header::HOST, address.to_string())
        .body(Body::empty())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    if status == StatusCode::OK {
        return Ok(());
    }
    let body = Limited::new(response.into_body(), MAX_BODY).collect().await?.to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let detail = body["detail"].as_str().unwrap_or("it does not say why");
    Err(format!("not ready ({}): {detail}", status.as_u16()).into())
}

/// A process that listens everywhere is asked on the local host.
pub fn reachable(listen: SocketAddr) -> SocketAddr {
    let address = match listen.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        given => given,
    };
    SocketAddr::new(address, listen.port())
}
