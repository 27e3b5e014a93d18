//! What both transports do alike.

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Limited};

use super::SendError;
use crate::call::{Answer, BoxError};

/// An answer larger than this is not read.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Completes the URI of a request, which has a path alone.
pub(super) fn address(request: &mut Request<Bytes>, authority: &Authority) -> Result<(), SendError> {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority.clone());
    *request.uri_mut() = Uri::from_parts(parts).map_err(|error| SendError::NotConnected(error.into()))?;
    Ok(())
}

/// Reads an answer to its end.
pub(super) async fn read<B>(response: Response<B>) -> Result<Answer, SendError>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
    Ok(Answer::from_parts(parts, body.map_err(SendError::Broken)?))
}
