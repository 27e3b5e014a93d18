//! What a question without an answer comes to in terms of the contract.

use auth_api::{AccountsError, CLIENT_REFUSED};
use platform_rpc::AskError;

pub(crate) fn unknown(error: AskError) -> AccountsError {
    match error {
        AskError::Refused(problem) if problem.code.as_deref() == Some(CLIENT_REFUSED.code) => {
            AccountsError::ClientRefused
        }
        other => AccountsError::Unavailable(Some(other.into())),
    }
}

#[cfg(test)]
mod tests {
    use platform_problem::{Problem, ReceivedProblem, codes};
    use tonic::Status;

    use super::*;

    /// As it arrives over HTTP and over gRPC.
    fn answers(problem: &Problem) -> [AccountsError; 2] {
        let body = problem.to_json(Some("r1")).to_string();
        let over_http = ReceivedProblem::from_http(problem.status(), body.as_bytes());
        [unknown(over_http.into()), unknown(Status::from(problem).into())]
    }

    #[test]
    fn a_client_that_auth_refuses_is_refused() {
        for error in answers(&Problem::new(&CLIENT_REFUSED)) {
            assert!(matches!(error, AccountsError::ClientRefused), "{error:?}");
        }
    }

    #[test]
    fn whatever_else_is_answered_says_nothing_about_the_client() {
        for kind in codes::ALL {
            for error in answers(&Problem::new(kind)) {
                assert!(
                    matches!(error, AccountsError::Unavailable(Some(_))),
                    "{}: {error:?}",
                    kind.code
                );
            }
        }
        for status in [401, 403, 404, 429, 502] {
            let error = unknown(ReceivedProblem::from_http(status, b"<html>").into());
            assert!(
                matches!(error, AccountsError::Unavailable(Some(_))),
                "{status}: {error:?}"
            );
        }
        let bare = unknown(Status::unauthenticated("who?").into());
        assert!(matches!(bare, AccountsError::Unavailable(Some(_))), "{bare:?}");
    }
}
