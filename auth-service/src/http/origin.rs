//! Where a request comes from.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::request::Parts;
use platform_runtime::listener::PeerAddr;

use crate::network::Network;

/// The network of the client: as the gateway, which removes what clients claim, says in `X-Forwarded-For`; without a
/// gateway the other end of the connection. A service is not reachable from outside, so nobody else writes that field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin(pub(super) Network);

impl<S: Sync> FromRequestParts<S> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let forwarded = parts.headers.get_all("x-forwarded-for").iter().next_back();
        let forwarded = forwarded.and_then(|value| value.to_str().ok());
        let nearest = forwarded.and_then(|text| text.rsplit(',').next()?.trim().parse::<IpAddr>().ok());
        Ok(Self(Network::of(nearest.or(peer(parts)))))
    }
}

/// The network of whoever is at the other end of the connection, for callers that no gateway stands before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Neighbour(pub(super) Network);

impl<S: Sync> FromRequestParts<S> for Neighbour {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Network::of(peer(parts))))
    }
}

fn peer(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<PeerAddr>().map(|PeerAddr(peer)| peer.ip())
}
