//! Conditional requests: entity tags, `If-Match` and `If-None-Match` (RFC 9110, section 13).
//!
//! Comparison is weak throughout: compression on the way weakens a tag, and a version in it says all that counts.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use platform_problem::{Problem, codes};
use rapidhash::v3::rapidhash_v3;

/// The entity tag `"<hash>"` of a body. The same in every process and every release.
pub fn of_body(body: &[u8]) -> String {
    format!("\"{}\"", hash(body))
}

/// The entity tag `"<version>.<hash>"` of a body that has a version.
pub fn of_version(version: i64, body: &[u8]) -> String {
    format!("\"{version}.{}\"", hash(body))
}

/// The answer with its tag, or 304 without a body if the client has it already.
pub fn conditional(wanted: &IfNoneMatch, etag: &str, answer: impl FnOnce() -> Response) -> Response {
    let mut response = if wanted.matches(etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        answer()
    };
    if let Ok(value) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// `If-None-Match`: which answers the client has already.
#[derive(Debug, Clone, Default)]
pub struct IfNoneMatch(Option<Tags>);

/// `If-Match`: which version the client wants to change.
#[derive(Debug, Clone, Default)]
pub struct IfMatch(Option<Tags>);

#[derive(Debug, Clone)]
enum Tags {
    Any,
    /// What stands between the quotes, without the mark of weakness.
    These(Vec<String>),
}

impl IfNoneMatch {
    /// What the headers say; what cannot be read counts as absent, which costs a body and breaks nothing.
    pub fn of_headers(headers: &HeaderMap) -> Self {
        Self(Tags::of(headers, &header::IF_NONE_MATCH).unwrap_or_default())
    }

    /// Whether the client has what the tag names.
    pub fn matches(&self, etag: &str) -> bool {
        match &self.0 {
            None => false,
            Some(Tags::Any) => true,
            Some(Tags::These(tags)) => tags.iter().any(|tag| *tag == opaque(etag)),
        }
    }
}

impl IfMatch {
    /// What the headers say; what cannot be read is refused, for ignoring it would overwrite a change.
    pub fn of_headers(headers: &HeaderMap) -> Result<Self, Problem> {
        let malformed = |()| Problem::new(&codes::BAD_REQUEST).detail("If-Match is not a list of entity tags");
        Tags::of(headers, &header::IF_MATCH).map(Self).map_err(malformed)
    }

    /// Whether there is no condition at all.
    pub fn is_absent(&self) -> bool {
        self.0.is_none()
    }

    /// 412 unless the condition names this version, or there is none. Only what stands before the first dot of a tag is
    /// compared: `"7.a1b2"` and `W/"7.ffff"` both name version 7.
    pub fn check_version(&self, version: i64) -> Result<(), Problem> {
        let version = version.to_string();
        let is_met = match &self.0 {
            None | Some(Tags::Any) => true,
            Some(Tags::These(tags)) => tags.iter().any(|tag| tag.split('.').next() == Some(version.as_str())),
        };
        if is_met {
            Ok(())
        } else {
            Err(Problem::new(&codes::PRECONDITION_FAILED))
        }
    }
}

impl Tags {
    /// More than this many tags in one condition are malformed.
    const MAX: usize = 64;

    fn of(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Self>, ()> {
        let mut tags = Vec::new();
        let mut values = headers.get_all(name).iter().peekable();
        if values.peek().is_none() {
            return Ok(None);
        }
        for value in values {
            let mut rest = value.to_str().map_err(|_| ())?.trim();
            if rest == "*" {
                return Ok(Some(Self::Any));
            }
            while !rest.is_empty() {
                let quoted = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"').ok_or(())?;
                let (tag, behind) = quoted.split_once('"').ok_or(())?;
                tags.push(tag.to_owned());
                rest = behind.trim_start();
                rest = match rest.strip_prefix(',') {
                    Some(next) => next.trim_start(),
                    None if rest.is_empty() => rest,
                    None => return Err(()),
                };
            }
        }
        if tags.len() > Self::MAX {
            return Err(());
        }
        Ok(Some(Self::These(tags)))
    }
}

impl<S: Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of_headers(&parts.headers))
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of_headers(&parts.headers)
    }
}

/// What stands between the quotes of a tag of ours.
fn opaque(etag: &str) -> &str {
    etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"')
}

/// 64 bits that tell bodies apart, in hexadecimal: rapidhash v3, whose results are fixed for ever. It guards no secret,
/// and nobody but admins writes what is hashed.
fn hash(body: &[u8]) -> String {
    format!("{:016x}", rapidhash_v3(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    fn has(value: &'static str, etag: &str) -> bool {
        IfNoneMatch::of_headers(&headers(header::IF_NONE_MATCH, value)).matches(etag)
    }

    #[test]
    fn a_tag_is_found_in_a_list_and_in_its_weak_form() {
        assert!(has("\"1.aa\", W/\"2.b,b\"", "\"2.b,b\"") && has("*", "\"x\"") && has("W/\"x\"", "\"x\""));
        assert!(!has("\"1.aa\"", "\"1.ab\"") && !has("x", "\"x\"") && !has("\"x", "\"x\""));
    }

    #[test]
    fn if_match_compares_the_version_alone() {
        let check = |value: &'static str, version| {
            let condition = IfMatch::of_headers(&headers(header::IF_MATCH, value)).unwrap();
            condition.check_version(version).is_ok()
        };
        assert!(check("\"7.a1b2\"", 7) && check("W/\"7.ffff\"", 7) && check("\"7\"", 7) && check("*", 1));
        assert!(!check("\"7.a1b2\"", 8) && !check("\"77.a\"", 7) && !check("W/\"x\"", 7));
        assert!(IfMatch::default().check_version(1).is_ok());
    }

    #[test]
    fn an_unreadable_if_match_is_refused_rather_than_ignored() {
        for bad in ["7", "\"7", "\"7\" \"8\"", "W\"7\"", "\"7\";"] {
            assert!(IfMatch::of_headers(&headers(header::IF_MATCH, bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn tags_stay_the_same_and_differ_for_different_bodies() {
        assert_eq!(of_version(3, b"stoa"), format!("\"3.{}\"", hash(b"stoa")));
        let bodies = [&b""[..], b"a", b"b", b"aaaaaaaa", b"aaaaaaab", b"aaaaaaaa\0"];
        let tags: std::collections::HashSet<String> = bodies.iter().map(|body| of_body(body)).collect();
        assert_eq!(tags.len(), bodies.len());
    }
}
