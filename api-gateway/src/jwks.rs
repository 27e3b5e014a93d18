//! The key set of auth-service, fetched the way requests go there.

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use platform_identity::{JwkSet, JwksError, JwksSource};
use tower::ServiceExt;

use crate::RemoteUpstream;

/// Asks auth-service in other processes for its keys.
pub struct RemoteJwks(RemoteUpstream);

impl RemoteJwks {
    /// A key set is a few kilobytes.
    const MAX_BYTES: usize = 64 * 1024;

    /// The keys of the auth-service behind this upstream.
    pub fn new(auth: RemoteUpstream) -> Self {
        Self(auth)
    }
}

#[async_trait]
impl JwksSource for RemoteJwks {
    async fn fetch(&self) -> Result<JwkSet, JwksError> {
        let request = Request::get("/.well-known/jwks.json").body(Body::empty());
        let request = request.expect("the path is a good one");
        let Ok(response) = self.0.clone().oneshot(request).await;
        if response.status() != StatusCode::OK {
            return Err(JwksError(format!("auth answers {}", response.status())));
        }
        let body = to_bytes(response.into_body(), Self::MAX_BYTES).await;
        let body = body.map_err(|error| JwksError(error.to_string()))?;
        serde_json::from_slice(&body).map_err(|error| JwksError(error.to_string()))
    }
}
