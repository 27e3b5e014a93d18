//! One keep-alive HTTP/1.1 connection, as cheap as it can be: it shares two cores with what it measures.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long one exchange may take before it counts as an error.
pub const EXCHANGE_LIMIT: Duration = Duration::from_mins(1);

/// The shop's address.
#[derive(Clone, Debug)]
pub struct Target {
    address: SocketAddr,
    host: HeaderValue,
}

impl Target {
    /// Reads `http://host:port`. A load generator pointed at a stranger is an attack: only loopback, unless `allow_remote`.
    pub fn parse(base_url: &str, allow_remote: bool) -> Result<Self> {
        let uri: Uri = base_url.parse().context("the base URL does not parse")?;
        let authority = uri.authority().context("the base URL has no host")?;
        if uri.scheme_str() != Some("http") || uri.path().len() > 1 {
            bail!("the base URL must be http://host:port");
        }
        let port = authority.port_u16().unwrap_or(80);
        let mut addresses = (authority.host().trim_matches(['[', ']']), port).to_socket_addrs()?;
        let address = addresses.next().context("the host has no address")?;
        if !address.ip().is_loopback() && !allow_remote {
            bail!("{address} is not this machine; --allow-remote if it is yours");
        }
        Ok(Self {
            address,
            host: HeaderValue::from_str(authority.as_str())?,
        })
    }

    /// The shop that listens on this port of this machine.
    pub fn local(port: u16) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let host = HeaderValue::from_str(&address.to_string()).expect("an address is visible ASCII");
        Self { address, host }
    }
}

/// A request that is made once and sent often.
#[derive(Clone, Debug)]
pub struct Template {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Template {
    /// A GET without a token.
    pub fn get(target: &Target, path: &str) -> Result<Self> {
        let uri = path.parse().with_context(|| format!("{path} is no path"))?;
        let headers = HeaderMap::from_iter([(HOST, target.host.clone())]);
        Ok(Self {
            method: Method::GET,
            uri,
            headers,
            body: Bytes::new(),
        })
    }

    /// A POST of this body.
    pub fn post(target: &Target, path: &str, content_type: &'static str, body: impl Into<Bytes>) -> Result<Self> {
        let mut template = Self::get(target, path)?;
        template.method = Method::POST;
        template
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        template.body = body.into();
        Ok(template)
    }

    /// The same with a bearer token.
    pub fn bearer(mut self, token: &str) -> Result<Self> {
        self.headers
            .insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}"))?);
        Ok(self)
    }

    /// The request, ready to send.
    pub fn request(&self) -> Request<Full<Bytes>> {
        self.with_body(self.body.clone())
    }

    /// The request with another body.
    pub fn with_body(&self, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }

    /// The request with another body and a key of its own.
    pub fn keyed(&self, body: Bytes, key: &str) -> Result<Request<Full<Bytes>>> {
        const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
        let mut request = self.with_body(body);
        request
            .headers_mut()
            .insert(IDEMPOTENCY_KEY, HeaderValue::from_str(key)?);
        Ok(request)
    }
}

/// One connection, made when first needed and again when the shop has closed it.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    /// Connects nowhere yet.
    pub fn new(target: &Target) -> Self {
        Self {
            address: target.address,
            sender: None,
        }
    }

    /// Sends, reads the answer to its end and tells its status.
    pub async fn status(&mut self, request: Request<Full<Bytes>>) -> Result<StatusCode> {
        timeout(EXCHANGE_LIMIT, async {
            let mut response = self.send(request).await?;
            while let Some(frame) = response.body_mut().frame().await {
                frame?;
            }
            Ok(response.status())
        })
        .await?
    }

    /// Sends and reads the answer as JSON (null where there is none). For the preparation, not for the measured path.
    pub async fn json(&mut self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Value)> {
        timeout(EXCHANGE_LIMIT, async {
            let response = self.send(request).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
        })
        .await?
    }

    /// Asks until the answer is 200, for as long as `limit`.
    pub async fn wait_for_ok(&mut self, template: &Template, limit: Duration) -> Result<()> {
        let asked = async {
            while !matches!(self.status(template.request()).await, Ok(StatusCode::OK)) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(limit, asked)
            .await
            .with_context(|| format!("{} never answered 200", template.uri))
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>> {
        let mut sender = self.ready_sender().await?;
        let response = sender.send_request(request).await?;
        self.sender = Some(sender);
        Ok(response)
    }

    async fn ready_sender(&mut self) -> Result<SendRequest<Full<Bytes>>> {
        if let Some(mut sender) = self.sender.take()
            && sender.ready().await.is_ok()
        {
            return Ok(sender);
        }
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        // What goes wrong on the connection is told to whoever sends on it.
        tokio::spawn(async move { drop(connection.await) });
        sender.ready().await?;
        Ok(sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loaded_unless_one_insists() {
        assert!(Target::parse("http://192.0.2.1:80", false).is_err());
        assert!(Target::parse("http://192.0.2.1:80", true).is_ok());
        assert!(Target::parse("http://[::1]:80", false).is_ok());
        assert!(Target::parse("https://127.0.0.1:80", false).is_err());
    }

    #[test]
    fn an_order_carries_its_token_and_a_key_of_its_own() {
        let template = Template::post(&Target::local(8080), "/api/orders", "application/json", "").unwrap();
        let request = template
            .bearer("t")
            .unwrap()
            .keyed(Bytes::from_static(b"{}"), "k-1")
            .unwrap();
        assert_eq!(request.headers()["idempotency-key"], "k-1");
        assert_eq!(request.headers()["authorization"], "Bearer t");
        assert_eq!(request.headers()["host"], "127.0.0.1:8080");
    }
}
