//! The way of an event in the trace of the request that caused it.

use platform_context::spans;
use tracing::Span;

use crate::Event;

/// Events on their way out, each in a span that ends with this value. What reads them is a child of it.
pub(crate) struct Publishing {
    events: Vec<Event>,
    _spans: Vec<Span>,
}

impl Publishing {
    pub(crate) fn begin(mut events: Vec<Event>) -> Self {
        let mut begun = Vec::new();
        if spans::are_exported() {
            for event in &mut events {
                let Some(cause) = &event.traceparent else { continue };
                let span = tracing::info_span!("publish", otel.kind = "producer", messaging.destination.name = event.topic(), messaging.message.id = %event.id);
                spans::put_under(&span, cause);
                if let Some(own) = spans::traceparent_of(&span) {
                    event.traceparent = Some(own);
                }
                begun.push(span);
            }
        }
        Self { events, _spans: begun }
    }

    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }
}

/// The span of whoever takes an event; none where spans are not exported.
pub(crate) fn taking(event: &Event) -> Span {
    let Some(cause) = event.traceparent.as_deref().filter(|_| spans::are_exported()) else {
        return Span::none();
    };
    let span = tracing::info_span!("take", otel.kind = "consumer", messaging.destination.name = event.topic(), messaging.message.id = %event.id);
    spans::put_under(&span, cause);
    span
}
