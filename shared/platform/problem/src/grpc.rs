//! A problem as a gRPC status, and back.
//!
//! The code, the domain and the extension members travel as `google.rpc.ErrorInfo` (its `reason` is our code, so that a
//! client compares the same text over HTTP and gRPC), the fields at fault as `google.rpc.BadRequest`, `Retry-After` as
//! `google.rpc.RetryInfo`: the standard error model, which clients in every language can read.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::received::DOMAIN;
use crate::{Problem, ReceivedProblem};

/// The domain of what is nobody's in particular.
const EVERYBODY: &str = "stoa";

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        Self::from(&problem)
    }
}

impl From<&Problem> for Status {
    fn from(problem: &Problem) -> Self {
        let domain = problem.0.extensions.get(DOMAIN).and_then(Value::as_str);
        let members = problem.0.extensions.iter().filter(|(name, _)| *name != DOMAIN);
        let metadata: HashMap<String, String> = members.map(|(name, value)| (name.clone(), text_of(value))).collect();
        let mut details = ErrorDetails::with_error_info(problem.code(), domain.unwrap_or(EVERYBODY), metadata);
        for error in problem.errors() {
            details.add_bad_request_violation(&error.pointer, &error.detail);
        }
        if let Some(seconds) = problem.retry_after_secs() {
            details.set_retry_info(Some(Duration::from_secs(seconds)));
        }
        let message = problem.0.detail.as_deref().unwrap_or(problem.0.kind.title);
        Self::with_error_details(code_of(problem.status()), message, details)
    }
}

impl From<&Status> for ReceivedProblem {
    fn from(status: &Status) -> Self {
        let info = status.get_details_error_info();
        let (code, domain) = info.map(|info| (info.reason, info.domain)).unzip();
        Self {
            status: http_status_of(status.code()),
            code,
            domain: domain.filter(|domain| domain != EVERYBODY),
            detail: Some(status.message().to_owned()).filter(|message| !message.is_empty()),
        }
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The gRPC code for an HTTP status of ours.
fn code_of(status: u16) -> Code {
    match status {
        401 => Code::Unauthenticated,
        402 | 412 => Code::FailedPrecondition,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        405 | 501 => Code::Unimplemented,
        408 | 504 => Code::DeadlineExceeded,
        409 => Code::AlreadyExists,
        413 | 429 => Code::ResourceExhausted,
        499 => Code::Cancelled,
        502 | 503 => Code::Unavailable,
        400..=499 => Code::InvalidArgument,
        _ => Code::Internal,
    }
}

/// The HTTP status that stands for a gRPC code, in logs, metrics and errors.
pub fn http_status_of(code: Code) -> u16 {
    match code {
        Code::Ok => 200,
        Code::Cancelled => 499,
        Code::InvalidArgument | Code::OutOfRange => 400,
        Code::DeadlineExceeded => 504,
        Code::NotFound => 404,
        Code::AlreadyExists | Code::Aborted => 409,
        Code::PermissionDenied => 403,
        Code::ResourceExhausted => 429,
        Code::FailedPrecondition => 412,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        Code::Unauthenticated => 401,
        Code::Unknown | Code::Internal | Code::DataLoss => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn every_problem_comes_back_with_its_code_and_its_domain() {
        for kind in codes::ALL {
            let sent = Problem::new(kind).detail("why").of("goods");
            let received = ReceivedProblem::from(&Status::from(&sent));
            assert!(received.is("goods", &sent), "{}", kind.code);
            assert_eq!(received.detail.as_deref(), Some("why"));
        }
    }

    #[test]
    fn what_is_nobodys_stays_nobodys() {
        let sent = Problem::new(&codes::NOT_FOUND);
        let received = ReceivedProblem::from(&Status::from(&sent));
        assert_eq!((received.status, received.domain), (404, None));
        assert_eq!(
            ReceivedProblem::from(&Status::unimplemented("no such method")).code,
            None
        );
    }

    #[test]
    fn a_client_of_the_standard_error_model_reads_all_of_it() {
        let sent = Problem::new(&codes::INVALID)
            .field("/name", "is missing")
            .with("order_id", "o-1")
            .with("available", 3)
            .retry_after(7);
        let status = Status::from(&sent);
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("invalid", "stoa"));
        assert_eq!(info.metadata["order_id"], "o-1");
        assert_eq!(info.metadata["available"], "3");
        let violation = &details.bad_request().unwrap().field_violations[0];
        assert_eq!(
            (violation.field.as_str(), violation.description.as_str()),
            ("/name", "is missing")
        );
        let delay = details.retry_info().unwrap().retry_delay;
        assert_eq!(delay, Some(Duration::from_secs(7)));
    }
}
