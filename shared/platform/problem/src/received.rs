//! A refusal as it arrives at the other end of a call.

use std::fmt;

use serde::Deserialize;

use crate::Problem;

/// The member of a problem that says whose error it is, see [`Problem::of`].
pub(crate) const DOMAIN: &str = "domain";

/// What another process answered instead of what was asked for. Members that are not known are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedProblem {
    /// The HTTP status, or the one that stands for the gRPC status.
    pub status: u16,
    /// The stable code, if the answer has one: a proxy in between, or a server that broke, may send anything.
    pub code: Option<String>,
    /// The contract whose error it is; none for what anybody in between may answer.
    pub domain: Option<String>,
    /// What is the matter, for a person.
    pub detail: Option<String>,
}

#[derive(Default, Deserialize)]
struct Body {
    code: Option<String>,
    domain: Option<String>,
    detail: Option<String>,
}

impl ReceivedProblem {
    /// From the status and the body of an HTTP answer, whatever that body is.
    pub fn from_http(status: u16, body: &[u8]) -> Self {
        let Body { code, domain, detail } = serde_json::from_slice(body).unwrap_or_default();
        Self {
            status,
            code,
            domain,
            detail,
        }
    }

    /// The status it came with.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether it is this error of that contract, and nobody else's of the same name.
    ///
    /// A 404 that a contract answers says that there is no such thing; one of a router, a proxy or a wrong address says
    /// nothing about the thing. Only what names the domain is an answer.
    pub fn is(&self, domain: &str, problem: &Problem) -> bool {
        self.domain.as_deref() == Some(domain) && self.code.as_deref() == Some(problem.code())
    }
}

impl fmt::Display for ReceivedProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.as_deref().unwrap_or("no code");
        write!(f, "answered {} ({code})", self.status)?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ReceivedProblem {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn a_problem_is_read_back_from_its_body() {
        let sent = Problem::new(&codes::NOT_FOUND).detail("gone").of("goods");
        let body = sent.to_json(Some("r1")).to_string();
        let received = ReceivedProblem::from_http(404, body.as_bytes());
        assert!(received.is("goods", &sent));
        assert_eq!(received.to_string(), "answered 404 (not_found): gone");
    }

    #[test]
    fn a_bare_404_is_nobodys_answer() {
        let missing = Problem::new(&codes::NOT_FOUND);
        for body in [missing.to_json(None).to_string(), "<html>".to_owned(), String::new()] {
            let received = ReceivedProblem::from_http(404, body.as_bytes());
            assert!(!received.is("goods", &missing), "{body}");
        }
        let others = missing.clone().of("people").to_json(None).to_string();
        assert!(!ReceivedProblem::from_http(404, others.as_bytes()).is("goods", &missing));
    }
}
