//! What happened to accounts and sessions, as events.

use auth_api::events::{ACCOUNT_REGISTERED, AccountRegistered, SESSION_REVOKED, SessionRevoked};
use platform_events::Event;
use serde::Serialize;
use uuid::Uuid;
use values::{SessionId, UserId};

use crate::store::Cause;

/// The service as events name it.
const SOURCE: &str = "/auth-service";

/// An account was made.
pub fn account_registered(id: Uuid, user_id: UserId, cause: &Cause) -> Event {
    event(id, ACCOUNT_REGISTERED, &user_id, &AccountRegistered { user_id }, cause)
}

/// A session ended before its tokens did.
pub fn session_revoked(id: Uuid, session_id: SessionId, cause: &Cause) -> Event {
    event(id, SESSION_REVOKED, &session_id, &SessionRevoked { session_id }, cause)
}

fn event(id: Uuid, kind: &str, subject: &impl std::fmt::Display, data: &impl Serialize, cause: &Cause) -> Event {
    let event = Event::new(id, kind, SOURCE, subject, cause.at, data);
    let event = event.expect("an id can be written as JSON");
    event.with_traceparent(cause.traceparent.clone())
}
