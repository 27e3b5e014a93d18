//! The envelope: CloudEvents 1.0 in JSON.

use std::fmt;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;
use values::Timestamp;

/// One thing that happened. On the wire a CloudEvents 1.0 structured JSON object.
///
/// Ids only, no personal data. `data` stays the text it was written as; [`Event::data`] reads it as a type.
#[derive(Debug, Clone)]
pub struct Event {
    /// Unique; what a consumer's inbox and the broker's duplicate window go by.
    pub id: Uuid,
    /// What happened, with its version: `product.updated.v1`.
    pub kind: String,
    /// Who says so: `/product-service`.
    pub source: String,
    /// The id of the thing it happened to. Events of one subject from one outbox arrive in order.
    pub subject: String,
    /// When it happened.
    pub time: Timestamp,
    /// The W3C `traceparent` of the request that caused it.
    pub traceparent: Option<String>,
    data: Box<RawValue>,
}

/// Why `data` could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("the event's data does not have the shape its kind promises")]
pub struct EventError(#[from] serde_json::Error);

impl Event {
    /// An event without a trace.
    pub fn new(
        id: Uuid,
        kind: impl Into<String>,
        source: impl Into<String>,
        subject: &(impl fmt::Display + ?Sized),
        time: Timestamp,
        data: &impl Serialize,
    ) -> Result<Self, EventError> {
        Ok(Self {
            id,
            kind: kind.into(),
            source: source.into(),
            subject: subject.to_string(),
            time,
            traceparent: None,
            data: serde_json::value::to_raw_value(data)?,
        })
    }

    /// The same event as part of a trace.
    pub fn with_traceparent(mut self, traceparent: Option<String>) -> Self {
        self.traceparent = traceparent;
        self
    }

    /// From the columns of an outbox, with `data` as JSON text.
    pub fn from_stored(
        id: Uuid,
        kind: String,
        source: String,
        subject: String,
        time: Timestamp,
        traceparent: Option<String>,
        data: String,
    ) -> Result<Self, EventError> {
        Ok(Self {
            id,
            kind,
            source,
            subject,
            time,
            traceparent,
            data: RawValue::from_string(data)?,
        })
    }

    /// The kind less its version: `product.updated`. It is also the subject on a broker.
    pub fn topic(&self) -> &str {
        topic_of(&self.kind)
    }

    /// What the event says, as the type its kind promises. An error here is poison: no retry will mend it.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, EventError> {
        Ok(serde_json::from_str(self.data.get())?)
    }

    /// What the event says, as the JSON text it was written as.
    pub fn data_text(&self) -> &str {
        self.data.get()
    }
}

/// A kind less its version.
pub(crate) fn topic_of(kind: &str) -> &str {
    match kind.rsplit_once(".v") {
        Some((topic, version)) if !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit()) => topic,
        _ => kind,
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
            && self.kind == other.kind
            && self.source == other.source
            && self.subject == other.subject
            && self.time == other.time
            && self.traceparent == other.traceparent
            && self.data.get() == other.data.get()
    }
}

/// CloudEvents 1.0, JSON format, with the distributed tracing extension.
#[derive(Serialize)]
struct Written<'a> {
    specversion: &'static str,
    id: Uuid,
    #[serde(rename = "type")]
    kind: &'a str,
    source: &'a str,
    subject: &'a str,
    time: Timestamp,
    datacontenttype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    data: &'a RawValue,
}

/// The same as read; unknown attributes are ignored, so that additions break nobody.
#[derive(Deserialize)]
struct Read {
    specversion: String,
    id: Uuid,
    #[serde(rename = "type")]
    kind: String,
    source: String,
    subject: String,
    time: Timestamp,
    #[serde(default)]
    traceparent: Option<String>,
    data: Box<RawValue>,
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written {
            specversion: "1.0",
            id: self.id,
            kind: &self.kind,
            source: &self.source,
            subject: &self.subject,
            time: self.time,
            datacontenttype: "application/json",
            traceparent: self.traceparent.as_deref(),
            data: &self.data,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Event {
    /// From JSON text or bytes (`data` is kept as text, so a `serde_json::Value` will not do as a source).
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(deserializer)?;
        if read.specversion != "1.0" {
            return Err(D::Error::custom("specversion must be 1.0"));
        }
        Ok(Self {
            id: read.id,
            kind: read.kind,
            source: read.source,
            subject: read.subject,
            time: read.time,
            traceparent: read.traceparent,
            data: read.data,
        })
    }
}

#[cfg(test)]
mod tests {
    use platform_clock::{Clock, ManualClock};

    use super::*;

    fn event(kind: &str) -> Event {
        let clock = ManualClock::default();
        Event::new(clock.new_id(), kind, "/product-service", "p-1", clock.now(), &[1, 2]).unwrap()
    }

    #[test]
    fn the_wire_form_is_a_cloud_event_and_reads_back() {
        let event = event("product.updated.v1").with_traceparent(Some("00-a-b-01".into()));
        let text = serde_json::to_string(&event).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["specversion"], "1.0");
        assert_eq!(value["type"], "product.updated.v1");
        assert_eq!(value["data"], serde_json::json!([1, 2]));
        assert_eq!(value["time"], "2026-01-01T00:00:00.000000Z");
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }

    #[test]
    fn the_topic_is_the_kind_less_its_version() {
        assert_eq!(event("product.updated.v1").topic(), "product.updated");
        assert_eq!(event("stock.changed.v12").topic(), "stock.changed");
        assert_eq!(event("order.very").topic(), "order.very");
    }

    #[test]
    fn an_unknown_attribute_is_ignored_and_another_version_of_the_envelope_is_not() {
        let text = serde_json::to_string(&event("a.b.v1")).unwrap();
        let extended = text.replacen('{', "{\"partitionkey\":\"x\",", 1);
        assert!(serde_json::from_str::<Event>(&extended).is_ok());
        assert!(serde_json::from_str::<Event>(&text.replace("\"1.0\"", "\"2.0\"")).is_err());
    }
}
