//! Who asks for a write, as the ledger names them.

use platform_identity::{Principal, Subject};
use platform_runtime::context::{RequestContext, traceparent};

use crate::service::By;

/// An account by its id, a process by its client id.
pub(crate) fn by(principal: &Principal, context: &RequestContext) -> By {
    let actor = match &principal.subject {
        Subject::User(id) => id.to_string(),
        Subject::Service(client_id) => client_id.clone(),
    };
    By {
        actor: Some(actor),
        request_id: Some(context.request_id().to_owned()),
        traceparent: traceparent(),
    }
}
