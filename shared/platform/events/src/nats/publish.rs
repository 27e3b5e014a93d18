//! From a relay to the stream.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::{PublishAckFuture, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;

use super::link::Link;
use super::stream::EventStream;
use super::{Broken, unavailable};
use crate::{BusError, Event};

/// Events on their way at once.
const WAVE: usize = 256;

/// Sends events and waits until the stream has them.
pub(super) struct Publisher {
    link: Arc<Link>,
    stream: Arc<EventStream>,
    patience: Duration,
}

impl Publisher {
    pub(super) fn new(link: Arc<Link>, stream: Arc<EventStream>, patience: Duration) -> Self {
        Self { link, stream, patience }
    }

    /// Publishes in order and answers how many events from the front the stream has acknowledged.
    pub(super) async fn publish(&self, events: &[Event]) -> Result<usize, BusError> {
        let mut done = 0;
        while done < events.len() {
            let wave = wave(&events[done..]);
            let (acknowledged, stopped) = self.send(&events[done..done + wave]).await;
            done += acknowledged;
            match stopped {
                None => {}
                Some(_) if done > 0 => return Ok(done),
                Some(error) => return Err(unavailable(error)),
            }
        }
        Ok(done)
    }

    /// Sends all, then waits for one after the other. Gives up when the connection is gone: what was sent may have arrived
    /// or not, and comes again.
    async fn send(&self, events: &[Event]) -> (usize, Option<Broken>) {
        let mut acknowledged = 0;
        let work = async {
            if !self.link.is_up() {
                return Err("NATS is away".into());
            }
            self.stream.cover(events.iter().map(Event::topic)).await?;
            let mut waiting = Vec::with_capacity(events.len());
            for event in events {
                waiting.push(self.send_one(event).await?);
            }
            for acknowledgement in waiting {
                acknowledgement.await?;
                acknowledged += 1;
            }
            Ok::<(), Broken>(())
        };
        let result = tokio::select! {
            result = tokio::time::timeout(self.patience, work) => result.unwrap_or_else(|_| Err("no acknowledgement in time".into())),
            () = self.link.until_down() => Err("NATS went away".into()),
        };
        let Err(error) = result else {
            return (acknowledged, None);
        };
        if is_about_the_stream(&error) {
            self.stream.forget().await;
        }
        (acknowledged, Some(error))
    }

    async fn send_one(&self, event: &Event) -> Result<PublishAckFuture, Broken> {
        let payload = serde_json::to_vec(event)?;
        let mut message = PublishMessage::build()
            .message_id(event.id.to_string())
            .header("Content-Type", "application/cloudevents+json")
            .payload(payload.into());
        if let Some(traceparent) = &event.traceparent {
            message = message.header("traceparent", traceparent.as_str());
        }
        let jetstream = self.link.jetstream();
        Ok(jetstream.send_publish(event.topic().to_owned(), message).await?)
    }
}

/// How many events from the front may be on their way at once. The wire may lose one of them and take the next, so none
/// follows another of the same subject: those stay in order whatever happens.
fn wave(events: &[Event]) -> usize {
    let mut subjects = HashSet::new();
    let mut length = 0;
    for event in events.iter().take(WAVE) {
        if !subjects.insert(event.subject.as_str()) {
            break;
        }
        length += 1;
    }
    length
}

/// Nobody listens to the subject: the stream is gone, or was changed by somebody.
fn is_about_the_stream(error: &Broken) -> bool {
    let error = error.downcast_ref::<async_nats::jetstream::context::PublishError>();
    error.is_some_and(|error| error.kind() == PublishErrorKind::StreamNotFound)
}

#[cfg(test)]
mod tests {
    use platform_clock::{Clock, ManualClock};

    use super::*;

    #[test]
    fn a_wave_ends_before_a_subject_comes_again() {
        let clock = ManualClock::default();
        let event = |subject: &str| Event::new(clock.new_id(), "a.b.v1", "/t", subject, clock.now(), &()).unwrap();
        let waves = |subjects: &[&str]| wave(&subjects.iter().map(|subject| event(subject)).collect::<Vec<_>>());
        assert_eq!(waves(&["1", "2", "3", "2"]), 3);
        assert_eq!(waves(&["1", "1"]), 1);
        assert_eq!(waves(&["1", "2"]), 2);
    }
}
