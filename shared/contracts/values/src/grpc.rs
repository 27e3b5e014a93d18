//! Values in protobuf messages: ids and other texts are texts, a moment is a `google.protobuf.Timestamp`.
//!
//! A message can hold anything, a value cannot: each conversion from a message checks, and its [`MessageError`] points to
//! the field at fault, as in `/lines/3/quantity`. [`field`], [`required`] and [`each`] build that pointer on the way
//! out.

use crate::{Timestamp, ValueError};

const MICROS: i64 = 1_000_000;

impl From<Timestamp> for prost_types::Timestamp {
    fn from(at: Timestamp) -> Self {
        let nanos = i32::try_from(at.as_micros().rem_euclid(MICROS) * 1000).expect("it is less than a second");
        Self {
            seconds: at.as_secs(),
            nanos,
        }
    }
}

impl TryFrom<prost_types::Timestamp> for Timestamp {
    type Error = ValueError;

    /// Nanoseconds are cut off.
    fn try_from(at: prost_types::Timestamp) -> Result<Self, ValueError> {
        let invalid = || ValueError::new("must be a time");
        if !(0..1_000_000_000).contains(&at.nanos) {
            return Err(invalid());
        }
        let micros = at.seconds.checked_mul(MICROS).ok_or_else(invalid)?;
        let micros = micros.checked_add(i64::from(at.nanos / 1000)).ok_or_else(invalid)?;
        Ok(Self::from_micros(micros))
    }
}

/// A message holds what its type cannot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct MessageError {
    /// Where: a JSON pointer (RFC 6901) into the message.
    pub pointer: String,
    /// What is wrong, for the one who sent it.
    pub detail: String,
}

impl MessageError {
    /// A fault of the message itself.
    pub fn new(detail: impl Into<String>) -> Self {
        Self {
            pointer: String::new(),
            detail: detail.into(),
        }
    }

    fn within(self, name: &str) -> Self {
        Self {
            pointer: format!("/{name}{}", self.pointer),
            ..self
        }
    }
}

impl From<ValueError> for MessageError {
    fn from(error: ValueError) -> Self {
        Self::new(error.to_string())
    }
}

/// What a field was converted to, or the fault with the field's name.
pub fn field<T, E: Into<MessageError>>(name: &str, converted: Result<T, E>) -> Result<T, MessageError> {
    converted.map_err(|error| error.into().within(name))
}

/// A field that must be there.
pub fn required<T>(name: &str, value: Option<T>) -> Result<T, MessageError> {
    field(name, value.ok_or_else(|| MessageError::new("is missing")))
}

/// A moment that must be there.
pub fn moment(name: &str, at: Option<prost_types::Timestamp>) -> Result<Timestamp, MessageError> {
    field(name, Timestamp::try_from(required(name, at)?))
}

/// The fault of an enumeration that holds none of the values this process knows; another release may have added some.
pub fn not_known() -> MessageError {
    MessageError::new("is not a value that this process knows")
}

/// A field that is a list, each item converted.
pub fn each<T, U>(
    name: &str,
    items: Vec<T>,
    convert: impl Fn(T) -> Result<U, MessageError>,
) -> Result<Vec<U>, MessageError> {
    let converted = items.into_iter().enumerate();
    let converted = converted.map(|(at, item)| field(&at.to_string(), convert(item)));
    field(name, converted.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Quantity;

    #[test]
    fn an_error_points_to_the_field_all_the_way_down() {
        let convert = |pieces: i64| field("pieces", Quantity::try_from(pieces));
        let lines = field("order", each("lines", vec![1, 1000, 1001], convert));
        let error = lines.unwrap_err();
        assert_eq!(error.to_string(), "/order/lines/2/pieces: must be between 1 and 1000");
        let missing = field("line", required::<u32>("price", None)).unwrap_err();
        assert_eq!(missing.to_string(), "/line/price: is missing");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (seconds, nanos) in [(0, -1), (0, 1_000_000_000), (i64::MAX, 0), (i64::MIN, 0)] {
            assert!(Timestamp::try_from(prost_types::Timestamp { seconds, nanos }).is_err());
        }
    }

    proptest! {
        #[test]
        fn every_time_reads_back(micros: i64) {
            let at = Timestamp::from_micros(micros);
            // The first second of all begins before the first microsecond.
            prop_assume!(micros > i64::MIN + MICROS);
            prop_assert_eq!(Timestamp::try_from(prost_types::Timestamp::from(at)).unwrap(), at);
        }
    }
}
