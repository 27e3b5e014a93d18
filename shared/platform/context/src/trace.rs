//! W3C Trace Context: <https://www.w3.org/TR/trace-context/>.

use http::{HeaderMap, HeaderValue};
use platform_clock::Clock;

use crate::propagation::TRACEPARENT;
use crate::spans;

/// The trace a request belongs to, and the place of this process in it.
#[derive(Debug, Clone)]
pub struct TraceContext {
    trace_id: [u8; 16],
    parent_id: Option<[u8; 8]>,
    span_id: [u8; 8],
    flags: u8,
    state: Option<HeaderValue>,
}

impl TraceContext {
    /// A longer `tracestate` is dropped, as the standard allows.
    const MAX_STATE_BYTES: usize = 512;

    /// Goes on with the caller's trace, or begins one. A malformed `traceparent` counts as none.
    pub fn of_headers(headers: &HeaderMap, clock: &dyn Clock) -> Self {
        let mut random = [0_u8; 24];
        clock.fill_random(&mut random);
        let (fresh_trace, fresh_span) = random.split_at(16);
        let mut trace = Self {
            trace_id: fresh_trace.try_into().expect("16 bytes"),
            parent_id: None,
            span_id: fresh_span.try_into().expect("8 bytes"),
            // A trace that begins here is recorded where spans are exported.
            flags: u8::from(spans::are_exported()),
            state: None,
        };
        let given = headers.get(TRACEPARENT).and_then(|value| parse(value.as_bytes()));
        if let Some((trace_id, parent_id, flags)) = given {
            trace.trace_id = trace_id;
            trace.parent_id = Some(parent_id);
            trace.flags = flags;
            let state = headers.get("tracestate");
            trace.state = state.filter(|state| state.len() <= Self::MAX_STATE_BYTES).cloned();
        }
        trace
    }

    /// The id of the trace, as 32 hexadecimal digits.
    pub fn id(&self) -> String {
        let mut text = [0; 32];
        write_hex(&mut text, &self.trace_id);
        text.iter().copied().map(char::from).collect()
    }

    /// The id of the trace as bytes.
    pub fn trace_id_bytes(&self) -> [u8; 16] {
        self.trace_id
    }

    /// The caller's span, if the caller sent one.
    pub fn parent_id_bytes(&self) -> Option<[u8; 8]> {
        self.parent_id
    }

    /// The flags as the caller sent them; bit 0 means sampled.
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// The `traceparent` for what this process calls.
    pub fn traceparent(&self) -> String {
        self.traceparent_bytes().iter().copied().map(char::from).collect()
    }

    /// The same as it is sent.
    pub(crate) fn traceparent_bytes(&self) -> [u8; TRACEPARENT_BYTES] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        write_hex(&mut text[3..35], &self.trace_id);
        write_hex(&mut text[36..52], &self.span_id);
        write_hex(&mut text[53..55], &[self.flags]);
        text
    }

    /// The caller's `tracestate`, which goes on unchanged.
    pub fn tracestate(&self) -> Option<&HeaderValue> {
        self.state.as_ref()
    }
}

/// The length of a `traceparent`.
const TRACEPARENT_BYTES: usize = 55;

/// `00-<32 hex>-<16 hex>-<2 hex>`; a later version may have more behind it.
pub(crate) fn parse(text: &[u8]) -> Option<([u8; 16], [u8; 8], u8)> {
    let (head, tail) = text.split_at_checked(55)?;
    let version = unhex::<1>(&head[..2])?[0];
    let ends_well = match version {
        0 => tail.is_empty(),
        0xff => false,
        _ => tail.is_empty() || tail[0] == b'-',
    };
    if !ends_well || [head[2], head[35], head[52]] != *b"---" {
        return None;
    }
    let trace_id = unhex::<16>(&head[3..35])?;
    let parent_id = unhex::<8>(&head[36..52])?;
    let flags = unhex::<1>(&head[53..55])?[0];
    let is_valid = trace_id != [0; 16] && parent_id != [0; 8];
    is_valid.then_some((trace_id, parent_id, flags & 1))
}

fn unhex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0_u8; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

/// Made for every call: `fmt` would take ten times as long.
fn write_hex(text: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform_clock::ManualClock;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(traceparent: &str) -> TraceContext {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", HeaderValue::from_str(traceparent).unwrap());
        TraceContext::of_headers(&headers, &ManualClock::default())
    }

    #[test]
    fn the_callers_trace_goes_on_with_a_span_of_our_own() {
        let trace = of(GIVEN);
        assert_eq!(trace.id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let sent = trace.traceparent();
        assert!(sent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && sent.ends_with("-01"));
        assert!(!sent.contains("00f067aa0ba902b7"));
    }

    #[test]
    fn a_malformed_traceparent_begins_a_new_trace() {
        let bad = [
            "",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ];
        for text in bad {
            assert_eq!(of(text).parent_id_bytes(), None, "{text}");
        }
    }
}
