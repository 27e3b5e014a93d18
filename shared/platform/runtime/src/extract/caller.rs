//! Who asks.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use platform_identity::{Principal, VerifiedPrincipal};
use platform_problem::{Problem, codes};

/// The principal the route's policy let in. `Option<Caller>` where `auth` is `optional`.
#[derive(Debug, Clone)]
pub struct Caller(pub Arc<Principal>);

impl std::ops::Deref for Caller {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        find(parts).ok_or_else(|| Problem::new(&codes::UNAUTHENTICATED))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(find(parts))
    }
}

fn find(parts: &Parts) -> Option<Caller> {
    let VerifiedPrincipal(principal) = parts.extensions.get()?;
    Some(Caller(principal.clone()))
}
