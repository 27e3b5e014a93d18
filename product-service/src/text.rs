//! Text as the search sees it, the same on both engines: NFKD, lower case, marks off, split at all that is not a letter
//! or a digit.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer words are cut, in texts and queries alike.
const WORD_CHARS: usize = 64;
/// An ordering key is cut here, so that it fits an index of either engine.
const KEY_BYTES: usize = 255;
/// The most different words of one product that can be found.
const DOCUMENT_WORDS: usize = 1_000;

/// The longest HTML tag.
const TAG_BYTES: usize = 2_000;

/// The words of a text in order.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = Words::default();
    if text.is_ascii() {
        text.chars().for_each(|c| words.push(c.to_ascii_lowercase()));
    } else {
        let unmarked = text.nfkd().filter(|c| !is_combining_mark(*c));
        unmarked.flat_map(char::to_lowercase).nfkd().for_each(|c| words.push(c));
    }
    words.finish()
}

#[derive(Default)]
struct Words {
    done: Vec<String>,
    word: String,
    chars: usize,
}

impl Words {
    fn push(&mut self, c: char) {
        // The two small sigmas are one letter.
        let c = if c == 'ς' { 'σ' } else { c };
        if !c.is_alphanumeric() {
            self.end_word();
        } else if self.chars < WORD_CHARS {
            self.word.push(c);
            self.chars += 1;
        }
    }

    fn end_word(&mut self) {
        self.chars = 0;
        if !self.word.is_empty() {
            self.done.push(std::mem::take(&mut self.word));
        }
    }

    fn finish(mut self) -> Vec<String> {
        self.end_word();
        self.done
    }
}

/// What a name is ordered by and a sku is found by: its words with a space between, cut at 255 bytes.
pub(crate) fn key(text: &str) -> String {
    let mut key = words(text).join(" ");
    let end = (0..=KEY_BYTES.min(key.len()))
        .rev()
        .find(|&at| key.is_char_boundary(at));
    key.truncate(end.unwrap_or(0));
    key
}

/// The different ones of some words, in order of their first place, with a space between; those beyond the first 1,000
/// cannot be found.
pub(crate) fn document<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut seen = HashSet::new();
    let mut document = String::new();
    let different = words.into_iter().filter(|word| seen.insert(*word));
    for word in different.take(DOCUMENT_WORDS) {
        if !document.is_empty() {
            document.push(' ');
        }
        document.push_str(word);
    }
    document
}

/// A text without its HTML tags and character references.
pub(crate) fn without_markup(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        let end = if rest[at..].starts_with('<') {
            end_of_tag(&rest[at..])
        } else {
            end_of_reference(&rest[at..])
        };
        // A lone sign parts words as a tag does.
        text.push(' ');
        rest = &rest[at + end.unwrap_or(1)..];
    }
    text.push_str(rest);
    text
}

fn end_of_tag(text: &str) -> Option<usize> {
    let begins_tag = text[1..].starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
    // Longer tags are none: without a bound a text of nothing but `<a` would take time by the square.
    let end = || text.bytes().take(TAG_BYTES).position(|byte| byte == b'>');
    begins_tag.then(end).flatten().map(|at| at + 1)
}

fn end_of_reference(text: &str) -> Option<usize> {
    let name = text[1..].trim_start_matches('#');
    let length = name.find(|c: char| !c.is_ascii_alphanumeric())?;
    let ends = (1..=31).contains(&length) && name[length..].starts_with(';');
    ends.then(|| text.len() - name.len() + length + 1)
}

/// What somebody searches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    /// All of them must occur.
    pub(crate) whole: Vec<String>,
    /// Some word must begin with it.
    pub(crate) prefix: String,
    /// All of them as a key, to be compared with those of names and skus.
    pub(crate) key: String,
}

impl Terms {
    /// `None` for a text without a word, which nothing matches.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let mut whole = words(text);
        let key = key(text);
        let prefix = whole.pop()?;
        whole.sort_unstable();
        whole.dedup();
        Some(Self { whole, prefix, key })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_marks_and_punctuation_make_no_difference() {
        assert_eq!(words("Crème Brûlée (2-pack)"), ["creme", "brulee", "2", "pack"]);
        assert_eq!(words("ΟΔΟΣ οδός"), ["οδοσ", "οδοσ"]);
        assert_eq!(words("İstanbul ﬁn"), ["istanbul", "fin"]);
        assert!(words(" ★ -- ").is_empty());
    }

    #[test]
    fn a_key_is_cut_at_a_character() {
        assert_eq!(key("  The  Scout-Kit "), "the scout kit");
        let long = key(&"é𝔘 ж".repeat(100));
        assert!(long.len() <= 255 && long.len() > 250);
    }

    #[test]
    fn markup_is_no_text() {
        let html = "<p class=\"x\">Salt &amp; pepper<br/>5 < 6 &c. <b>bold</b>ly</p>";
        assert_eq!(
            words(&without_markup(html)),
            ["salt", "pepper", "5", "6", "c", "bold", "ly"]
        );
    }

    #[test]
    fn the_last_word_of_a_query_is_a_beginning() {
        let terms = Terms::of("Red red bike tub").unwrap();
        assert_eq!(
            (terms.whole, terms.prefix.as_str()),
            (vec!["bike".to_owned(), "red".to_owned()], "tub")
        );
        assert_eq!(terms.key, "red red bike tub");
        assert_eq!(Terms::of("?!"), None);
    }

    proptest! {
        #[test]
        fn words_of_words_are_the_same_words(text in "\\PC{0,60}") {
            let once = words(&text);
            prop_assert_eq!(words(&once.join(" ")), once.clone());
            prop_assert!(once.iter().all(|word| !word.is_empty() && word.chars().all(char::is_alphanumeric)));
        }

        #[test]
        fn any_text_can_be_without_markup(text in "\\PC{0,60}") {
            without_markup(&text);
        }
    }
}
