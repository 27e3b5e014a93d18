//! The id in a path.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use platform_problem::{Problem, codes};

/// The one parameter of the route. What does not parse names nothing: 404.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let absent = || Problem::new(&codes::NOT_FOUND);
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| absent())?;
        let mut params = params.iter();
        let (Some((_, text)), None) = (params.next(), params.next()) else {
            tracing::error!("a route with more than one parameter takes Path, which reads one");
            return Err(absent());
        };
        text.parse().map(Self).map_err(|_| absent())
    }
}
