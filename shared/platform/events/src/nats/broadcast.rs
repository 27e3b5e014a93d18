//! A broadcast subscription: a consumer of this process alone, that the server forgets when it is not asked any more.
//!
//! A place in the stream is kept here, so that an interruption loses nothing as long as the process lives.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use futures::StreamExt;
use platform_clock::Clock;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::durable::Pauses;
use super::link::Link;
use super::stream::EventStream;
use super::{Broken, NatsTimings, subjects};
use crate::delivery::{chain, tell};
use crate::{Event, Handler, Topics};

/// How long the server keeps a consumer that nobody asks.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(1);

/// What serves one.
pub(super) struct Broadcast {
    pub(super) link: Arc<Link>,
    pub(super) stream: Arc<EventStream>,
    pub(super) topics: Topics,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) timings: NatsTimings,
    pub(super) clock: Arc<dyn Clock>,
}

/// The last event of the stream that is done with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place(u64);

impl Broadcast {
    /// The end of the stream, if the server is there.
    pub(super) async fn place_if_up(&self) -> Option<Place> {
        if !self.link.is_up() {
            return None;
        }
        match self.end().await {
            Ok(place) => Some(place),
            Err(broken) => {
                tracing::warn!(reason = chain(&*broken), "a broadcast subscription begins later");
                None
            }
        }
    }

    /// Serves until told to stop, from a place, or from where the stream ends when it is first seen.
    pub(super) async fn run(self, mut place: Option<Place>, stop: CancellationToken) {
        let mut pauses = Pauses::new(self.timings.longest_pause);
        loop {
            let begun = Instant::now();
            let Some(Err(broken)) = stop.run_until_cancelled(self.session(&mut place)).await else {
                return;
            };
            tracing::debug!(reason = chain(&*broken), "a broadcast subscription begins anew");
            let pause = pauses.after(begun.elapsed(), self.clock.fraction());
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    async fn end(&self) -> Result<Place, Broken> {
        let stream = self.stream.holding(&subjects::filters(&self.topics)).await?;
        Ok(Place(stream.cached_info().state.last_sequence))
    }

    /// Serves until something breaks.
    async fn session(&self, place: &mut Option<Place>) -> Result<Infallible, Broken> {
        self.link.until_up().await;
        let filters = subjects::filters(&self.topics);
        let stream = self.stream.holding(&filters).await?;
        let last = done_with(*place, stream.cached_info().state.last_sequence);
        *place = Some(Place(last));
        let consumer = stream.create_consumer(consumer(last + 1, filters)).await?;
        tokio::select! {
            broken = self.follow(&consumer, place) => broken,
            () = self.link.until_down() => Err("NATS went away".into()),
        }
    }

    async fn follow(&self, consumer: &PullConsumer, place: &mut Option<Place>) -> Result<Infallible, Broken> {
        let stream = consumer
            .stream()
            .expires(self.timings.poll)
            .heartbeat(self.timings.poll / 4);
        let mut messages = stream.messages().await?;
        while let Some(message) = messages.next().await {
            let message = message?;
            match serde_json::from_slice::<Event>(&message.payload) {
                Ok(event) if self.topics.cover(event.topic()) => tell(&*self.handler, &event).await,
                Ok(_) => {}
                Err(error) => tracing::debug!(reason = %error, "a message of the stream is no event"),
            }
            *place = Some(Place(message.info()?.stream_sequence));
        }
        Err("the consumer ended".into())
    }
}

/// The last event that is done with, in a stream that ends at `end`. One that ends before our place is another stream, and
/// all of it is new.
fn done_with(place: Option<Place>, end: u64) -> u64 {
    match place {
        None => end,
        Some(Place(last)) if last > end => 0,
        Some(Place(last)) => last,
    }
}

fn consumer(start_sequence: u64, filter_subjects: Vec<String>) -> pull::Config {
    pull::Config {
        description: Some("what a process keeps in memory".to_owned()),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
        ack_policy: AckPolicy::None,
        inactive_threshold: FORGOTTEN_AFTER,
        memory_storage: true,
        num_replicas: 1,
        filter_subjects,
        ..pull::Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_goes_on_after_its_place_and_takes_all_of_another_stream() {
        assert_eq!(done_with(None, 7), 7);
        assert_eq!(done_with(Some(Place(5)), 7), 5);
        assert_eq!(done_with(Some(Place(7)), 3), 0);
    }
}
