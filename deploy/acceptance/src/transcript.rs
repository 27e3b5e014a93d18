//! What a shop said, without what no two shops can have in common.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Answers in the order they came. Ids are replaced by the order in which they were first seen, times, secrets, cursors,
/// order numbers and hashes by what they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcript(Vec<String>);

impl Transcript {
    pub(crate) fn add(&mut self, entry: String) {
        self.0.push(entry);
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// How many answers there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first answers that differ; none if the transcripts are the same.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let longest = self.len().max(other.len());
        let parted = (0..longest).find(|&at| self.0.get(at) != other.0.get(at))?;
        let answer = |of: &Self| of.0.get(parted).map_or("(nothing)", String::as_str).to_owned();
        Some(format!(
            "answer {parted} differs:\n{}\n--- the other:\n{}",
            answer(self),
            answer(other)
        ))
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

/// Members of a body that are secrets, or numbers that go on from whatever happened before.
static MEMBERS: LazyLock<Regex> = LazyLock::new(|| {
    let members = r#""(access_token|refresh_token|next_cursor|number)":(?:"[^"]*"|[0-9]+)"#;
    Regex::new(members).expect("the pattern is well formed")
});
/// A place in a list, as it is asked for.
static CURSORS: LazyLock<Regex> = LazyLock::new(|| Regex::new("cursor=[^& ]+").expect("the pattern is well formed"));
static IDS: LazyLock<Regex> = LazyLock::new(|| {
    let id = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    Regex::new(id).expect("the pattern is well formed")
});
static TIMES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z").expect("the pattern is well formed"));
static HASHES: LazyLock<Regex> = LazyLock::new(|| Regex::new("[0-9A-Za-z_-]{8,}").expect("the pattern is well formed"));

/// Replaces what differs between any two shops.
#[derive(Debug)]
pub(crate) struct Redaction {
    tag: String,
    ids: HashMap<String, usize>,
}

impl Redaction {
    /// For a shop whose goods carry the tag.
    pub(crate) fn new(tag: &str) -> Self {
        Self {
            tag: tag.to_owned(),
            ids: HashMap::new(),
        }
    }

    /// A body or the value of a header.
    pub(crate) fn of_text(&mut self, text: &str) -> String {
        let text = MEMBERS.replace_all(text, r#""$1":<$1>"#);
        let text = CURSORS.replace_all(&text, "cursor=<cursor>");
        let text = IDS.replace_all(&text, |id: &Captures<'_>| {
            let next = self.ids.len() + 1;
            format!("<id {}>", self.ids.entry(id[0].to_owned()).or_insert(next))
        });
        TIMES.replace_all(&text, "<time>").replace(&self.tag, "<tag>")
    }

    /// An entity tag: its version stays, its hash goes.
    pub(crate) fn of_etag(tag: &str) -> String {
        HASHES.replace_all(tag, "<hash>").into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_its_name_and_secrets_go() {
        let mut redaction = Redaction::new("abcdefgh");
        let one = "019ab2c4-0000-7000-8000-000000000001";
        let text =
            format!(r#"{{"id":"{one}","refresh_token":"s.e-c","number":17,"next_cursor":null,"sku":"abcdefgh-1"}}"#);
        let redacted =
            r#"{"id":"<id 1>","refresh_token":<refresh_token>,"number":<number>,"next_cursor":null,"sku":"<tag>-1"}"#;
        assert_eq!(redaction.of_text(&text), redacted);
        let two = "019ab2c4-0000-7000-8000-000000000002";
        let text = format!("{two} {one} 2026-01-02T03:04:05.000006Z");
        assert_eq!(redaction.of_text(&text), "<id 2> <id 1> <time>");
        assert_eq!(
            redaction.of_text("/x?cursor=abc_1&limit=2"),
            "/x?cursor=<cursor>&limit=2"
        );
        assert_eq!(Redaction::of_etag(r#"W/"3.0a1b2c3d4e""#), r#"W/"3.<hash>""#);
    }

    #[test]
    fn the_first_difference_is_told() {
        let said = |answers: &[&str]| Transcript(answers.iter().map(|answer| (*answer).to_owned()).collect());
        assert_eq!(said(&["a", "b"]).difference(&said(&["a", "b"])), None);
        let told = said(&["a", "b"]).difference(&said(&["a"])).unwrap();
        assert!(told.contains("answer 1") && told.contains("(nothing)"), "{told}");
    }
}
