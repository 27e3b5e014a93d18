//! What a call to a neighbour tells of the request that it is made for.

use http::{HeaderMap, HeaderName, HeaderValue};
use tracing::Span;

use crate::{REQUEST_ID, RequestContext, spans};

pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Writes the id and the trace of the request that the running task works for into the headers of a call it makes.
pub fn propagate(headers: &mut HeaderMap) {
    let Some(context) = RequestContext::current() else {
        return;
    };
    headers.insert(REQUEST_ID, context.request_id_header().clone());
    let traceparent = match spans::traceparent_of(&Span::current()) {
        Some(of_span) => HeaderValue::try_from(of_span),
        None => HeaderValue::from_bytes(&context.trace().traceparent_bytes()),
    };
    if let Ok(value) = traceparent {
        headers.insert(TRACEPARENT, value);
    }
    if let Some(state) = context.trace().tracestate() {
        headers.insert(TRACESTATE, state.clone());
    }
}

/// What later work for the request that the running task works for is a part of, as an event that it causes: the span that is
/// exported, where there is one, else the request. None outside of a request.
pub fn traceparent() -> Option<String> {
    let context = RequestContext::current()?;
    Some(spans::traceparent_of(&Span::current()).unwrap_or_else(|| context.trace().traceparent()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform_clock::ManualClock;

    #[tokio::test]
    async fn a_call_carries_the_id_and_the_trace_of_its_request() {
        let text = |text: &'static str| HeaderValue::from_static(text);
        let given = HeaderMap::from_iter([
            (REQUEST_ID, text("r1")),
            (
                TRACEPARENT,
                text("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ),
            (TRACESTATE, text("vendor=1")),
        ]);
        let context = RequestContext::of_headers(&given, &ManualClock::default());
        let sent = context.scope(async {
            let mut headers = HeaderMap::new();
            propagate(&mut headers);
            headers
        });
        let sent = sent.await;
        assert_eq!(sent[REQUEST_ID], "r1");
        assert_eq!(sent[TRACESTATE], "vendor=1");
        let traceparent = sent[TRACEPARENT].to_str().unwrap();
        assert!(
            traceparent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"),
            "{traceparent}"
        );
        assert!(!traceparent.contains("00f067aa0ba902b7"), "the span is our own");
    }

    #[test]
    fn work_for_no_request_adds_nothing() {
        let mut headers = HeaderMap::new();
        propagate(&mut headers);
        assert!(headers.is_empty());
    }
}
