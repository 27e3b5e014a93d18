//! How long a caller goes on waiting, as it says so itself.
//!
//! A caller sends what is left of its time, not a point in time, so that no two clocks need agree.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

/// Milliseconds the caller goes on waiting. Between processes of ours; a client's is never believed.
pub const TIMEOUT_MS: HeaderName = HeaderName::from_static("x-request-timeout-ms");

/// The same for gRPC: up to eight digits and a unit (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>).
pub const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// How long the caller goes on waiting; of two statements the shorter. What cannot be read counts as none.
pub fn timeout_of(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let plain = text(TIMEOUT_MS).and_then(digits).map(Duration::from_millis);
    let grpc = text(GRPC_TIMEOUT).and_then(parse_grpc);
    plain.into_iter().chain(grpc).min()
}

/// Says so to a callee, in both forms' own header.
pub fn write_timeout(headers: &mut HeaderMap, name: HeaderName, timeout: Duration) {
    // A minute in milliseconds has five digits; the longest that eight digits can say is a day.
    let millis = timeout.as_millis().clamp(1, 86_400_000);
    let millis = u32::try_from(millis).unwrap_or(u32::MAX);
    let value = if name == GRPC_TIMEOUT {
        HeaderValue::try_from(format!("{millis}m")).expect("digits and a letter are visible ASCII")
    } else {
        HeaderValue::from(millis)
    };
    headers.insert(name, value);
}

fn parse_grpc(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number = digits(number)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// One to eight digits and nothing else.
fn digits(text: &str) -> Option<u64> {
    let is_number = (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &HeaderName, text: &str) -> Option<Duration> {
        timeout_of(&HeaderMap::from_iter([(
            name.clone(),
            HeaderValue::from_str(text).unwrap(),
        )]))
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(of(&TIMEOUT_MS, "1500"), Some(Duration::from_millis(1500)));
        assert_eq!(of(&GRPC_TIMEOUT, "2S"), Some(Duration::from_secs(2)));
        assert_eq!(of(&GRPC_TIMEOUT, "1H"), Some(Duration::from_hours(1)));
        assert_eq!(of(&GRPC_TIMEOUT, "99999999n"), Some(Duration::from_nanos(99_999_999)));
    }

    #[test]
    fn what_cannot_be_read_counts_as_none() {
        for bad in ["", "-1", "1.5", "+5", "123456789", "ten"] {
            assert_eq!(of(&TIMEOUT_MS, bad), None, "{bad}");
        }
        for bad in ["", "5", "m", "5x", "123456789m", "5 m", "5é"] {
            let value = HeaderValue::from_bytes(bad.as_bytes()).unwrap();
            let headers = HeaderMap::from_iter([(GRPC_TIMEOUT, value)]);
            assert_eq!(timeout_of(&headers), None, "{bad}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for name in [TIMEOUT_MS, GRPC_TIMEOUT] {
            for millis in [1, 480, 86_400_000] {
                let mut headers = HeaderMap::new();
                write_timeout(&mut headers, name.clone(), Duration::from_millis(millis));
                assert_eq!(timeout_of(&headers), Some(Duration::from_millis(millis)));
            }
        }
    }
}
