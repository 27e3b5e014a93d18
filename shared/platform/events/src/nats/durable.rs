//! A durable subscription: a durable pull consumer, served in sessions.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::{AckKind, Message};
use futures::StreamExt;
use futures::future::try_join_all;
use platform_clock::Clock;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::lease::Lease;
use super::link::Link;
use super::stream::EventStream;
use super::{Broken, NatsTimings, subjects};
use crate::Event;
use crate::delivery::{Subscriber, chain};

/// Events handed over at once.
const BATCH: usize = 256;
/// The first pause after a session broke.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What serves one.
pub(super) struct Durable {
    pub(super) link: Arc<Link>,
    pub(super) stream: Arc<EventStream>,
    pub(super) subscriber: Subscriber,
    pub(super) timings: NatsTimings,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stop: CancellationToken,
}

impl Durable {
    /// Serves until told to stop.
    pub(super) async fn run(self) {
        let mut pauses = Pauses::new(self.timings.longest_pause);
        loop {
            let begun = Instant::now();
            let Err(broken) = self.session().await else {
                return;
            };
            let subscription = &self.subscriber.name;
            tracing::warn!(subscription, reason = chain(&*broken), "a subscription begins anew");
            let pause = tokio::time::sleep(pauses.after(begun.elapsed(), self.clock.fraction()));
            if self.stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    /// Serves until something breaks or it is told to stop.
    async fn session(&self) -> Result<(), Broken> {
        let Some(begun) = self.stop.run_until_cancelled(Box::pin(self.begin())).await else {
            return Ok(());
        };
        let (consumer, mut lease) = begun?;
        let ended = tokio::select! {
            ended = self.follow(&consumer) => ended,
            lost = lease.keep() => Err(format!("the lease was lost: {}", chain(&*lost)).into()),
        };
        if self.link.is_up() {
            lease.release().await;
        }
        ended
    }

    /// Waits until the server is there and it is our turn.
    async fn begin(&self) -> Result<(PullConsumer, Lease), Broken> {
        self.link.until_up().await;
        let filters = subjects::filters(&self.subscriber.topics);
        let stream = self.stream.holding(&filters).await?;
        let name = consumer_name(&self.subscriber.name);
        let consumer = stream.create_consumer(self.consumer(&name, filters)).await?;
        let replicas = stream.cached_info().config.num_replicas;
        let holder = self.clock.new_id().to_string();
        let lease = Lease::acquire(self.link.jetstream(), replicas, &name, &holder, self.timings.lease);
        tokio::select! {
            lease = lease => Ok((consumer, lease?)),
            () = self.link.until_down() => Err("NATS went away".into()),
        }
    }

    fn consumer(&self, name: &str, filter_subjects: Vec<String>) -> pull::Config {
        pull::Config {
            durable_name: Some(name.to_owned()),
            description: Some(self.subscriber.name.clone()),
            // A new subscription begins with what the stream still holds.
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.timings.ack_wait,
            // Giving up is up to us, with a dead letter.
            max_deliver: -1,
            filter_subjects,
            ..pull::Config::default()
        }
    }

    async fn follow(&self, consumer: &PullConsumer) -> Result<(), Broken> {
        // What another left behind comes first, but only when its time is over.
        if consumer.get_info().await?.num_ack_pending > 0 {
            let over = tokio::time::sleep(self.timings.ack_wait + self.timings.ack_wait / 10);
            self.stop.run_until_cancelled(over).await;
        }
        loop {
            let messages = tokio::select! {
                messages = self.next(consumer) => messages?,
                () = self.link.until_down() => return Err("NATS went away".into()),
                () = self.stop.cancelled() => return Ok(()),
            };
            self.serve(messages).await?;
        }
    }

    /// Waits for an event, and takes those that are there with it.
    async fn next(&self, consumer: &PullConsumer) -> Result<Vec<Message>, Broken> {
        let poll = consumer.batch().max_messages(1).expires(self.timings.poll);
        let mut messages = Vec::new();
        let mut first = poll.messages().await?;
        while let Some(message) = first.next().await {
            messages.push(message?);
        }
        if messages.is_empty() {
            return Ok(messages);
        }
        let mut rest = consumer.fetch().max_messages(BATCH - 1).messages().await?;
        let gather = async {
            while let Some(message) = rest.next().await {
                messages.push(message?);
            }
            Ok::<(), Broken>(())
        };
        tokio::time::timeout(self.timings.publish, gather).await??;
        Ok(messages)
    }

    /// Hands events over and acknowledges what the subscriber has done with. That may take longer than the server waits: it
    /// gives them to nobody meanwhile, for we do not ask and nobody else has the lease.
    async fn serve(&self, messages: Vec<Message>) -> Result<(), Broken> {
        let (mut messages, events) = self.read(messages).await?;
        let mut events = &events[..];
        let mut pauses = Pauses::new(self.timings.longest_pause);
        while !events.is_empty() {
            let (done, blocked) = self.subscriber.take(events).await;
            acknowledge(messages.drain(..done)).await?;
            events = &events[done..];
            if let Some(error) = blocked {
                let subscription = &self.subscriber.name;
                tracing::warn!(
                    subscription,
                    reason = chain(&error),
                    "a subscription is held up by its dead letters"
                );
                let pause = pauses.after(Duration::ZERO, self.clock.fraction());
                tokio::time::sleep(pause).await;
            }
        }
        Ok(())
    }

    /// The events of messages. What is no event cannot be kept as a dead letter: the stream still has it.
    async fn read(&self, messages: Vec<Message>) -> Result<(Vec<Message>, Vec<Event>), Broken> {
        let (mut read, mut events) = (Vec::with_capacity(messages.len()), Vec::with_capacity(messages.len()));
        for message in messages {
            match serde_json::from_slice(&message.payload) {
                Ok(event) => {
                    events.push(event);
                    read.push(message);
                }
                Err(error) => {
                    let (subscription, place) = (&self.subscriber.name, message.info()?.stream_sequence);
                    tracing::error!(subscription, place, reason = %error, "a message of the stream is no event");
                    message.ack_with(AckKind::Term).await?;
                }
            }
        }
        if let Some(last) = read.last() {
            let behind = f64::from(u32::try_from(last.info()?.pending).unwrap_or(u32::MAX));
            metrics::gauge!("events_behind", "subscription" => self.subscriber.name.clone()).set(behind);
        }
        Ok((read, events))
    }
}

/// Acknowledges and waits for the answers. What is not acknowledged comes again.
async fn acknowledge(messages: impl Iterator<Item = Message>) -> Result<(), Broken> {
    try_join_all(messages.map(async |message| message.double_ack().await)).await?;
    Ok(())
}

/// A consumer's name knows no dots, and a subscription's no hyphens.
fn consumer_name(subscription: &str) -> String {
    subscription.replace('.', "-")
}

/// Pauses that double until something has worked for a while.
pub(super) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    pub(super) fn new(longest: Duration) -> Self {
        Self {
            next: FIRST_PAUSE,
            longest,
        }
    }

    /// The pause after something that worked for so long.
    pub(super) fn after(&mut self, worked: Duration, fraction: f64) -> Duration {
        if worked > self.longest {
            self.next = FIRST_PAUSE;
        }
        let pause = self.next.mul_f64(0.5 + fraction / 2.0);
        self.next = (self.next * 2).min(self.longest);
        pause
    }
}
