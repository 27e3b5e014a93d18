//! One service behind a listener of its own, as other processes reach it.

mod intruders;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use platform_clock::{Clock, SystemClock};
use platform_identity::Audience;
use platform_identity::testing::TestIssuer;
use platform_rpc::{Credential, IssuedToken, Scheme, Target, TokenError, TokenIssuer};
use platform_runtime::Info;
use platform_runtime::grpc::{Grpc, GrpcRouter};
use platform_runtime::health::Health;
use platform_runtime::lifecycle::Lifecycle;
use platform_runtime::listener::{Limits, Listener};
use platform_runtime::router::{ApiRouter, Guard};
use platform_runtime::server::Server;
use platform_runtime::stack::Stack;
use tower::Layer;
use utoipa::openapi::OpenApi;

/// A service that listens on a port of its own until it is dropped. It believes the tokens of its [`Served::issuer`].
pub struct Served {
    /// Where it listens.
    pub address: SocketAddr,
    /// Signs tokens for people and services.
    pub issuer: Arc<TestIssuer>,
    /// What it offers to other processes over HTTP.
    pub internal: OpenApi,
    grpc: Grpc,
    service: &'static str,
    clock: Arc<dyn Clock>,
    lifecycle: Lifecycle,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.lifecycle.stop();
    }
}

impl Served {
    /// Serves the routes and the gRPC services of the service of that name, which is the audience of its callers' tokens.
    ///
    /// # Panics
    /// If they are not declared properly, or no port is free.
    pub fn start(service: &'static str, routes: ApiRouter, grpc: impl FnOnce(&Guard) -> GrpcRouter) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let issuer = TestIssuer::new(clock.clone());
        let guard = Guard::new(
            issuer.verifier(Audience::People),
            issuer.verifier(Audience::Service(service)),
        );
        let lifecycle = Lifecycle::new(Duration::ZERO);
        let built = routes.build(Info::new(service, "1"), &guard);
        let built = built.expect("the routes are declared properly");
        let grpc = grpc(&guard).build(Health::new(lifecycle.clone()));
        let grpc = grpc.expect("the methods are declared properly");
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Listener::bind(local, Limits::inner()).expect("a port is free");
        let address = listener.local_addr();
        let mut server = Server::new(lifecycle.clone());
        let app = grpc.clone().beside(built.router);
        server.add(listener, Stack::new(clock.clone()).layer(app));
        tokio::spawn(server.run());
        Self {
            address,
            issuer,
            internal: built.internal.openapi,
            grpc,
            service,
            clock,
            lifecycle,
        }
    }

    /// Where it is, for a client that speaks this way.
    ///
    /// # Panics
    /// Never: an address makes a URL.
    pub fn target(&self, scheme: Scheme) -> Target {
        let target: Target = format!("http://{}", self.address)
            .parse()
            .expect("an address makes a URL");
        target.over(scheme)
    }

    /// The proof of a neighbour that may call it.
    pub fn credential(&self) -> Credential {
        let tokens = Tokens {
            issuer: self.issuer.clone(),
            service: self.service,
            clock: self.clock.clone(),
        };
        Credential::new(tokens, self.clock.clone())
    }
}

/// Tokens of a test's own issuer.
struct Tokens {
    issuer: Arc<TestIssuer>,
    service: &'static str,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl TokenIssuer for Tokens {
    async fn issue(&self) -> Result<IssuedToken, TokenError> {
        Ok(IssuedToken {
            token: self.issuer.service_token("neighbour", self.service),
            expires_at: self.clock.now().plus(Duration::from_mins(15)),
        })
    }
}
