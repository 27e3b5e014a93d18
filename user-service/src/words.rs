//! Text as the search for users sees it, the same on both engines.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A query of more words is cut: the rest would narrow nothing.
const MAX_WORDS: usize = 8;

/// The words of a text: NFKD, lower case, marks off, split at all that is not a letter or digit.
pub fn words(text: &str) -> impl Iterator<Item = String> + use<> {
    let plain: String = text.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    let lower = plain.to_lowercase();
    let words: Vec<String> = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.into_iter()
}

/// What a row keeps to be found by: each word with a space before it.
pub fn indexed(text: &str) -> String {
    words(text).flat_map(|word| [" ".to_owned(), word]).collect()
}

/// A pattern for each word of a query: the beginning of a word of the row. Words hold no `%` or `_`.
pub fn patterns(query: &str) -> Vec<String> {
    words(query).take(MAX_WORDS).map(|word| format!("% {word}%")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_without_case_marks_and_punctuation() {
        assert_eq!(indexed("Zo\u{eb}.O'Neil@Example.org"), " zoe o neil example org");
    }

    #[test]
    fn any_text_is_a_query() {
        assert_eq!(patterns("100%_'\""), ["% 100%"]);
        assert!(patterns("?! \u{301}").is_empty());
        assert_eq!(patterns(&"a ".repeat(50)).len(), MAX_WORDS);
    }
}
