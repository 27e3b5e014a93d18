//! JSON bodies, both ways.

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use platform_problem::{Faults, Problem, codes};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use super::body::read_body;
use crate::context::RequestContext;

/// A JSON body.
///
/// As an argument: 415 for another content type, 400 for what is no JSON (or nested deeper than 128), 413 over the
/// limit of the route, 422 with a pointer for a value of the wrong type, one that is missing or, where the type says
/// `deny_unknown_fields`, one that is unknown.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(&codes::UNSUPPORTED_MEDIA_TYPE).detail("send application/json"));
        }
        let deadline = request.extensions().get().and_then(RequestContext::deadline);
        let body = read_body(request.into_body(), deadline).await?;
        from_slice(&body).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => (
                [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))],
                body,
            )
                .into_response(),
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written as JSON");
                Problem::new(&codes::INTERNAL).into_response()
            }
        }
    }
}

/// A value from the text of a body, with the refusals of [`Json`].
fn from_slice<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = pointer_of(error.path());
        refusal(error.inner(), pointer)
    })?;
    deserializer.end().map_err(|error| unreadable(&error))?;
    Ok(value)
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn refusal(error: &serde_json::Error, pointer: String) -> Problem {
    if error.classify() != Category::Data {
        return unreadable(error);
    }
    let message = without_position(&error.to_string());
    let mut faults = Faults::default();
    if let Some(field) = quoted_after(&message, "missing field ") {
        faults.add(format!("{pointer}/{}", escaped(field)), "is missing");
    } else if let Some(field) = quoted_after(&message, "unknown field ") {
        let is_named = pointer.ends_with(&format!("/{}", escaped(field)));
        let pointer = if is_named {
            pointer
        } else {
            format!("{pointer}/{}", escaped(field))
        };
        faults.add(pointer, "is not a known field");
    } else if let Some(field) = quoted_after(&message, "duplicate field ") {
        faults.add(pointer, format!("{field} is given twice"));
    } else {
        faults.add(pointer, message);
    }
    faults.into_problem()
}

fn unreadable(error: &serde_json::Error) -> Problem {
    Problem::new(&codes::BAD_REQUEST).detail(format!("the body is not valid JSON: {error}"))
}

/// serde_json ends its messages with the place, which the pointer says better.
fn without_position(message: &str) -> String {
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message[..end].to_owned()
}

/// The name in backticks that follows a prefix: serde's own messages are the only source for it.
fn quoted_after<'a>(message: &'a str, prefix: &str) -> Option<&'a str> {
    message.strip_prefix(prefix)?.strip_prefix('`')?.split('`').next()
}

fn pointer_of(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        let step = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } | Segment::Enum { variant: key } => escaped(key),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&step);
    }
    pointer
}

/// RFC 6901, section 3.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the reading matters")]
    struct Letter {
        items: Vec<Item>,
        note: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the reading matters")]
    struct Item {
        sku: String,
        quantity: u32,
    }

    fn refused(body: &str) -> (u16, Option<String>, Option<String>) {
        let problem = from_slice::<Letter>(body.as_bytes()).unwrap_err();
        let field = problem.errors().first();
        (
            problem.status(),
            field.map(|field| field.pointer.clone()),
            field.map(|field| field.detail.clone()),
        )
    }

    fn invalid(pointer: &str, detail: &str) -> (u16, Option<String>, Option<String>) {
        (422, Some(pointer.to_owned()), Some(detail.to_owned()))
    }

    #[test]
    fn what_is_no_json_is_unreadable() {
        for body in ["", "{", "{\"items\": [}", "{\"items\":[]} x", "\u{feff}{}"] {
            assert_eq!(refused(body).0, 400, "{body}");
        }
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert_eq!(
            from_slice::<serde_json::Value>(deep.as_bytes()).unwrap_err().status(),
            400
        );
    }

    #[test]
    fn a_fault_is_found_by_its_pointer() {
        assert_eq!(
            refused(r#"{"items":[{"sku":"a"}]}"#),
            invalid("/items/0/quantity", "is missing")
        );
        assert_eq!(
            refused(r#"{"items":[{"sku":"a","quantity":"2"}]}"#),
            invalid("/items/0/quantity", "invalid type: string \"2\", expected u32")
        );
        assert_eq!(
            refused(r#"{"items":[],"price/net":1}"#),
            invalid("/price~1net", "is not a known field")
        );
        assert_eq!(
            refused(r#"{"items":[{"sku":"a","price":1}]}"#),
            invalid("/items/0/price", "is not a known field")
        );
        assert_eq!(refused("[]").0, 422);
        assert_eq!(refused("{}"), invalid("/items", "is missing"));
    }

    #[test]
    fn only_json_content_types_are_read() {
        let is = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            is_json(&headers)
        };
        assert!(is("application/json") && is("Application/JSON; charset=utf-8") && is("application/merge-patch+json"));
        assert!(!is("text/json") && !is("application/x-www-form-urlencoded") && !is_json(&HeaderMap::new()));
    }
}
