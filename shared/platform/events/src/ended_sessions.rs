//! How every process that verifies tokens learns of sessions that ended before their tokens.

use std::sync::Arc;

use async_trait::async_trait;
use platform_identity::Revocations;
use values::SessionId;

use crate::{Bus, BusError, Event, Handler, HandlerError, Topics};

/// What auth says when a session ended; the subject of the event is the session.
const TOPIC: &str = "auth.session_revoked";

/// Feeds the revocations of this process, from now on. What is missed expires with the access tokens.
pub async fn revoke_on_events(bus: &dyn Bus, revocations: &Revocations) -> Result<(), BusError> {
    let revoke = Arc::new(Revoke(revocations.clone()));
    bus.subscribe_broadcast(Topics::new([TOPIC]), revoke).await
}

struct Revoke(Revocations);

#[async_trait]
impl Handler for Revoke {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        let session: SessionId = event.subject.parse().map_err(|error| HandlerError::poison(&error))?;
        self.0.revoke(session);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use platform_clock::{Clock, ManualClock};

    use super::*;
    use crate::InProcessBus;

    #[tokio::test]
    async fn a_session_that_ended_is_known_and_another_is_not() {
        let clock = Arc::new(ManualClock::default());
        let (bus, revocations) = (InProcessBus::new(clock.clone()), Revocations::new());
        revoke_on_events(&bus, &revocations).await.unwrap();
        let (ended, other) = (SessionId::from(clock.new_id()), SessionId::from(clock.new_id()));
        let event = Event::new(
            clock.new_id(),
            "auth.session_revoked.v1",
            "/auth",
            &ended,
            clock.now(),
            &(),
        );
        bus.publish(&[event.unwrap()]).await.unwrap();
        while !revocations.contains(ended) {
            tokio::task::yield_now().await;
        }
        assert!(!revocations.contains(other));
    }
}
