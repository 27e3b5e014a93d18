//! Topics as subjects of NATS.

use std::collections::BTreeSet;

use crate::Topics;

/// The subjects that hold a subscription's topics, none of which covers another. They may hold more, where a pattern is
/// not one of NATS.
pub(super) fn filters(topics: &Topics) -> Vec<String> {
    let filters: BTreeSet<String> = topics.patterns().iter().map(|pattern| filter(pattern)).collect();
    let is_needed = |one: &&String| !filters.iter().any(|other| other != *one && covers(other, one));
    filters.iter().filter(is_needed).cloned().collect()
}

/// What a stream must listen to in order to hold a subject or a filter: all of its kind of thing. None for a filter of
/// whatever the stream holds.
pub(super) fn home(subject: &str) -> Option<String> {
    match subject.split_once('.') {
        Some((kind, _)) => Some(format!("{kind}.>")),
        None => Some(subject.to_owned()).filter(|subject| subject != ">"),
    }
}

fn filter(pattern: &str) -> String {
    let Some(prefix) = pattern.strip_suffix('*') else {
        return pattern.to_owned();
    };
    let kind = prefix.rfind('.').map_or("", |dot| &prefix[..=dot]);
    format!("{kind}>")
}

fn covers(filter: &str, other: &str) -> bool {
    filter.strip_suffix('>').is_some_and(|prefix| other.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_subjects_that_do_not_overlap() {
        let filters = |patterns: &[&str]| filters(&Topics::new(patterns.iter().copied()));
        assert_eq!(filters(&["thing.*", "other.made"]), ["other.made", "thing.>"]);
        assert_eq!(
            filters(&["thing.*", "thing.made", "things.made"]),
            ["thing.>", "things.made"]
        );
        assert_eq!(filters(&["thing.ma*"]), ["thing.>"]);
        assert_eq!(filters(&["*", "thing.*"]), [">"]);
    }

    #[test]
    fn a_stream_listens_to_all_of_a_kind_of_thing() {
        assert_eq!(home("thing.made").as_deref(), Some("thing.>"));
        assert_eq!(home("thing.>").as_deref(), Some("thing.>"));
        assert_eq!(home("thing").as_deref(), Some("thing"));
        assert_eq!(home(">"), None);
    }
}
