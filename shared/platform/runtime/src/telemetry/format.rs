//! A log line: time, level, target, message, the request it belongs to, fields.
//!
//! The request is found by [`RequestContext::current`], so that no span has to be made for each request.

use std::fmt::{self, Write};

use platform_clock::{Clock, SystemClock};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::LogFormat;
use crate::context::RequestContext;

/// Formats events.
pub(super) struct LineFormat(pub(super) LogFormat);

impl<S, N> FormatEvent<S, N> for LineFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let context = RequestContext::current();
        let mut line = match self.0 {
            LogFormat::Json => Line::json(&mut writer, event)?,
            LogFormat::Pretty => Line::pretty(&mut writer, event)?,
        };
        event.record(&mut line);
        if let Some(context) = context.filter(|_| !line.names_request) {
            line.text("request_id", context.request_id());
            if !line.is_pretty {
                line.text("trace_id", &context.trace().id());
            }
        }
        line.end()
    }
}

struct Line<'w, 'b> {
    writer: &'w mut Writer<'b>,
    is_pretty: bool,
    names_request: bool,
    result: fmt::Result,
}

impl<'w, 'b> Line<'w, 'b> {
    fn json(writer: &'w mut Writer<'b>, event: &Event<'_>) -> Result<Self, fmt::Error> {
        let (level, target) = (event.metadata().level(), event.metadata().target());
        let now = SystemClock.now();
        write!(
            writer,
            "{{\"time\":\"{now}\",\"level\":\"{level}\",\"target\":\"{target}\""
        )?;
        Ok(Self::begun(writer, false))
    }

    fn pretty(writer: &'w mut Writer<'b>, event: &Event<'_>) -> Result<Self, fmt::Error> {
        let (level, target) = (event.metadata().level(), event.metadata().target());
        let now = SystemClock.now().to_string();
        let time_of_day = now.get(11..23).unwrap_or(&now);
        write!(writer, "{time_of_day} {level:>5} {target}:")?;
        Ok(Self::begun(writer, true))
    }

    fn begun(writer: &'w mut Writer<'b>, is_pretty: bool) -> Self {
        Self {
            writer,
            is_pretty,
            names_request: false,
            result: Ok(()),
        }
    }

    /// A text, quoted where it must be.
    fn text(&mut self, name: &str, text: &str) {
        self.names_request |= name == "request_id";
        let is_bare = self.is_pretty
            && !text.is_empty()
            && !text.contains(|c: char| c.is_whitespace() || c == '"' || c.is_control());
        self.result = self.result.and_then(|()| {
            self.name(name)?;
            if is_bare || (self.is_pretty && name == "message" && !text.contains(char::is_control)) {
                return self.writer.write_str(text);
            }
            quoted(self.writer, text)
        });
    }

    /// A number or another value that needs no quotes in JSON, except that JSON has no such thing as a bare word.
    fn value(&mut self, name: &str, value: fmt::Arguments<'_>) {
        let mut text = String::new();
        let _ = text.write_fmt(value);
        self.text(name, &text);
    }

    fn bare(&mut self, name: &str, value: fmt::Arguments<'_>) {
        self.result = self.result.and_then(|()| {
            self.name(name)?;
            self.writer.write_fmt(value)
        });
    }

    fn name(&mut self, name: &str) -> fmt::Result {
        match (self.is_pretty, name) {
            (true, "message") => self.writer.write_char(' '),
            (true, _) => write!(self.writer, " {name}="),
            (false, _) => write!(self.writer, ",\"{name}\":"),
        }
    }

    fn end(self) -> fmt::Result {
        self.result?;
        self.writer.write_str(if self.is_pretty { "\n" } else { "}\n" })
    }
}

impl Visit for Line<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.value(field.name(), format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_error(&mut self, field: &Field, error: &(dyn std::error::Error + 'static)) {
        let mut chain = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let _ = write!(chain, ": {cause}");
            source = cause.source();
        }
        self.text(field.name(), &chain);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field.name(), format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field.name(), format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field.name(), format_args!("{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.bare(field.name(), format_args!("{value}"));
        } else {
            self.value(field.name(), format_args!("{value}"));
        }
    }
}

/// A JSON string (RFC 8259, section 7).
fn quoted(writer: &mut Writer<'_>, text: &str) -> fmt::Result {
    writer.write_char('"')?;
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        writer.write_str(&text[plain_from..at])?;
        match byte {
            b'"' | b'\\' => write!(writer, "\\{}", char::from(byte))?,
            _ => write!(writer, "\\u{byte:04x}")?,
        }
        plain_from = at + 1;
    }
    writer.write_str(&text[plain_from..])?;
    writer.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, log: impl FnOnce()) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        let layer = tracing_subscriber::fmt::layer().event_format(LineFormat(format));
        let layer = layer.with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let bytes = captured.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[tokio::test]
    async fn a_json_line_names_the_request_and_survives_any_text() {
        let context = RequestContext::detached();
        let id = context.request_id().to_owned();
        let line = context
            .scope(async {
                logged(LogFormat::Json, || {
                    tracing::warn!(
                        text = "a \"b\"\\\n\u{1}é",
                        count = 3,
                        good = true,
                        odd = f64::NAN,
                        "it is {}",
                        "so"
                    );
                })
            })
            .await;
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["text"], "a \"b\"\\\n\u{1}é");
        assert_eq!(
            (&line["count"], &line["good"], &line["odd"]),
            (&3.into(), &true.into(), &"NaN".into())
        );
        assert_eq!((&line["message"], &line["level"]), (&"it is so".into(), &"WARN".into()));
        assert_eq!(line["request_id"], id);
    }

    #[test]
    fn a_pretty_line_is_one_line() {
        let line = logged(LogFormat::Pretty, || {
            tracing::info!(path = "/a b", status = 200, "two\nlines");
        });
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.ends_with("path=\"/a b\" status=200\n"), "{line}");
    }
}
