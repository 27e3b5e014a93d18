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
