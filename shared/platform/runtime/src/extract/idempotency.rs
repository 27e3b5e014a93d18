//! The key that makes a retry safe.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::HeaderMap;
use http::request::Parts;
use platform_problem::{Problem, codes};

const NAME: &str = "idempotency-key";

/// `Idempotency-Key`: 1 to 255 visible ASCII characters. As an argument it is required
/// (400 `idempotency_key_required`); `Option<IdempotencyKey>` where it is only honoured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub String);

impl IdempotencyKey {
    /// The longest key.
    pub const MAX_LEN: usize = 255;

    /// The key among the headers; a malformed one is refused even where none is needed.
    pub fn find(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let mut values = headers.get_all(NAME).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        let bytes = value.as_bytes();
        let is_good = (1..=Self::MAX_LEN).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        match value.to_str() {
            Ok(key) if is_good && values.next().is_none() => Ok(Some(Self(key.to_owned()))),
            _ => Err(Problem::new(&codes::IDEMPOTENCY_KEY_INVALID)),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::find(&parts.headers)?.ok_or_else(|| Problem::new(&codes::IDEMPOTENCY_KEY_REQUIRED))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        Self::find(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn find(values: &[&str]) -> Result<Option<IdempotencyKey>, Problem> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(NAME, HeaderValue::from_str(value).unwrap());
        }
        IdempotencyKey::find(&headers)
    }

    #[test]
    fn a_key_is_visible_ascii_of_bounded_length() {
        let longest = "k".repeat(255);
        assert_eq!(find(&[&longest]).unwrap().unwrap().0, longest);
        assert!(find(&[]).unwrap().is_none());
        for bad in [
            vec![""],
            vec!["two words"],
            vec!["caf\u{e9}"],
            vec!["a", "a"],
            vec!["k".repeat(256).leak()],
        ] {
            assert_eq!(find(&bad).unwrap_err().code(), "idempotency_key_invalid", "{bad:?}");
        }
    }
}
