//! Swagger UI's files are built in packed, which makes every binary 3 MB smaller, and told unpacked: whether a client takes gzip
//! is known to who stands in front.

use std::io;

use async_compression::tokio::bufread::GzipDecoder;
use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use tokio::io::AsyncReadExt;

/// The largest of them has 1.5 MB.
const MAX_BYTES: usize = 4 << 20;

pub(super) async fn unpacked(mut response: Response) -> Response {
    let encoding = response.headers_mut().remove(header::CONTENT_ENCODING);
    if encoding.is_none() {
        return response;
    }
    let (head, body) = response.into_parts();
    match unpack(body).await {
        Ok(text) => Response::from_parts(head, Body::from(text)),
        Err(error) => {
            tracing::error!(%error, "a page that is built in cannot be unpacked");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn unpack(body: Body) -> io::Result<Vec<u8>> {
    let packed = to_bytes(body, MAX_BYTES).await.map_err(io::Error::other)?;
    let mut text = Vec::new();
    GzipDecoder::new(&*packed)
        .take(MAX_BYTES as u64)
        .read_to_end(&mut text)
        .await?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_that_is_not_packed_stays_as_it_is() {
        let answer = unpacked("as it is".into_response()).await;
        assert_eq!(to_bytes(answer.into_body(), 100).await.unwrap(), "as it is");
    }

    #[tokio::test]
    async fn a_page_that_is_broken_is_an_error_and_not_half_a_page() {
        let broken = ([(header::CONTENT_ENCODING, "gzip")], "no gzip").into_response();
        assert_eq!(unpacked(broken).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
