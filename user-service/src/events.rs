//! What happened to users, as events.

use platform_events::Event;
use user_api::events::UserChanged;
use uuid::Uuid;
use values::UserId;

use crate::store::Cause;

/// The service as events name it.
const SOURCE: &str = "/user-service";

/// The event of a profile that was made or changed.
pub fn user_changed(event_id: Uuid, kind: &str, user_id: UserId, cause: &Cause) -> Event {
    let event = Event::new(event_id, kind, SOURCE, &user_id, cause.at, &UserChanged { user_id });
    let event = event.expect("an id can be written as JSON");
    event.with_traceparent(cause.traceparent.clone())
}
