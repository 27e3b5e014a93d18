//! Errors as clients see them: RFC 9457 problem details with a stable `code`.
//!
//! A [`ProblemType`] is declared once, as a constant beside the contract that raises it, and is listed in the
//! documentation from there. A [`Problem`] is one occurrence of it. Feature `axum` turns a problem into a response; the
//! request id is filled in by the outermost layer of the process, which sees every answer. Feature `tonic` turns it into a
//! gRPC status. A caller reads either as a [`ReceivedProblem`].
//!
//! To add a refusal: a `const NAME: ProblemType` in the contract, its row in that contract's `PROBLEMS`, and the arm in
//! the `From<..Error> for Problem` that raises it.
//!
//! ```
//! use platform_problem::{Problem, codes};
//! let problem = Problem::new(&codes::NOT_FOUND).detail("there is no such product");
//! assert_eq!(problem.status(), 404);
//! assert_eq!(problem.to_json(None)["code"], "not_found");
//! ```

pub mod codes;
mod faults;
#[cfg(feature = "tonic")]
pub mod grpc;
mod received;
#[cfg(feature = "axum")]
pub mod response;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use faults::Faults;
pub use received::ReceivedProblem;

/// A kind of refusal: what its `code` promises, wherever it is raised.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct ProblemType {
    /// Stable, `snake_case`; what a client's code compares.
    pub code: &'static str,
    /// The HTTP status it is answered with.
    pub status: u16,
    /// A short text that is the same for every occurrence.
    pub title: &'static str,
    /// For the documentation: when it happens and what the client can do.
    pub about: &'static str,
}

/// One field at fault in a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Where: a JSON pointer (RFC 6901) into the body, or `?name` for a query parameter.
    pub pointer: String,
    /// What is wrong, for a person.
    pub detail: String,
}

/// One occurrence of a refusal.
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    kind: &'static ProblemType,
    detail: Option<String>,
    errors: Vec<FieldError>,
    extensions: Map<String, Value>,
    retry_after_secs: Option<u64>,
    headers: Vec<(&'static str, String)>,
}

impl Problem {
    /// A refusal without particulars.
    pub fn new(kind: &'static ProblemType) -> Self {
        Self(Box::new(Parts {
            kind,
            detail: None,
            errors: Vec::new(),
            extensions: Map::new(),
            retry_after_secs: None,
            headers: Vec::new(),
        }))
    }

    /// Says what is the matter this time. Never names a table, a host, a file or a panic.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Names one field at fault.
    pub fn field(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.0.errors.push(FieldError {
            pointer: pointer.into(),
            detail: detail.into(),
        });
        self
    }

    /// Names all the fields at fault.
    pub fn fields(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// A member of its own beside the standard ones, such as `items` or `order_id`.
    pub fn with(mut self, member: &'static str, value: impl Into<Value>) -> Self {
        self.0.extensions.insert(member.to_owned(), value.into());
        self
    }

    /// Says whose error it is, on calls between processes: the name of a contract. See [`ReceivedProblem::is`].
    pub fn of(self, domain: &'static str) -> Self {
        self.with(received::DOMAIN, domain)
    }

    /// When the client may try again; becomes `Retry-After`. 429 and 503 have it even if this is not called.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_secs = Some(seconds);
        self
    }

    /// A header that belongs to the refusal, such as `Allow` or `WWW-Authenticate`.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }

    /// What kind it is.
    pub fn kind(&self) -> &'static ProblemType {
        self.0.kind
    }

    /// Its stable code.
    pub fn code(&self) -> &'static str {
        self.0.kind.code
    }

    /// Its HTTP status.
    pub fn status(&self) -> u16 {
        self.0.kind.status
    }

    /// The fields at fault.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The headers that belong to it, `Retry-After` among them.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        let retry_after = self
            .retry_after_secs()
            .map(|seconds| ("retry-after", seconds.to_string()));
        let challenge = (self.status() == 401).then(|| ("www-authenticate", "Bearer".to_owned()));
        let has_own_challenge = self.0.headers.iter().any(|(name, _)| *name == "www-authenticate");
        self.0
            .headers
            .iter()
            .cloned()
            .chain(retry_after)
            .chain(challenge.filter(|_| !has_own_challenge))
    }

    fn retry_after_secs(&self) -> Option<u64> {
        let is_needed = matches!(self.status(), 429 | 503);
        self.0.retry_after_secs.or(is_needed.then_some(1))
    }

    /// The body of `application/problem+json`.
    pub fn to_json(&self, request_id: Option<&str>) -> Value {
        let Parts {
            kind,
            detail,
            errors,
            extensions,
            ..
        } = self.0.as_ref();
        let mut body = json!({
            "type": format!("/docs/problems#{}", kind.code),
            "title": kind.title,
            "status": kind.status,
            "code": kind.code,
        });
        if let Some(detail) = detail {
            body["detail"] = json!(detail);
        }
        if let Some(request_id) = request_id {
            body["request_id"] = json!(request_id);
        }
        if !errors.is_empty() {
            body["errors"] = json!(errors);
        }
        for (member, value) in extensions {
            body[member] = value.clone();
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_standard_members_and_its_own() {
        let problem = Problem::new(&codes::INVALID)
            .field("/name", "is missing")
            .with("order_id", "1");
        let body = problem.to_json(Some("r1"));
        assert_eq!(body["type"], "/docs/problems#invalid");
        assert_eq!(body["status"], 422);
        assert_eq!(body["request_id"], "r1");
        assert_eq!(body["errors"][0]["pointer"], "/name");
        assert_eq!(body["order_id"], "1");
    }

    #[test]
    fn what_a_status_demands_is_never_forgotten() {
        let header = |kind, name| Problem::new(kind).headers().any(|(found, _)| found == name);
        assert!(header(&codes::UNAVAILABLE, "retry-after"));
        assert!(header(&codes::RATE_LIMITED, "retry-after"));
        assert!(header(&codes::UNAUTHENTICATED, "www-authenticate"));
        assert!(!header(&codes::NOT_FOUND, "retry-after"));
    }

    #[test]
    fn codes_are_unique_and_in_snake_case() {
        let mut seen = std::collections::HashSet::new();
        for kind in codes::ALL {
            assert!(seen.insert(kind.code), "{} twice", kind.code);
            assert!(
                kind.code.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "{}",
                kind.code
            );
            assert!((400..600).contains(&kind.status));
        }
    }
}
