//! Handles, and skus made of them.

use aws_lc_rs::digest::{SHA256, digest};
use product_api::Options;
use values::Sku;

use crate::service::draft::is_in_handle;

/// A handle as a family has it: without upper case, and with hyphens for what cannot stand in one.
pub(super) fn handle(text: &str) -> String {
    let text = text.trim().to_lowercase();
    if text.chars().all(is_in_handle) {
        return text;
    }
    hyphenated(&text)
}

/// Skus for a variant that has none or whose own is another's: made of handle and options, then the same with a mark
/// that hardly another variant has.
pub(super) fn skus(handle: &str, options: &Options) -> [Sku; 2] {
    const MARK_CHARS: usize = 9;
    let values = options.0.iter().map(|(_, value)| value.as_str());
    let parts: Vec<&str> = std::iter::once(handle).chain(values).collect();
    let plain = hyphenated(&parts.join("-").to_lowercase());
    let canonical = serde_json::to_vec(&(handle, options)).expect("texts are JSON");
    let hash = digest(&SHA256, &canonical);
    let first = hash.as_ref().iter().take(4);
    let mark = first.fold(0_u32, |mark, byte| mark << 8 | u32::from(*byte));
    let room = Sku::MAX_CHARS - MARK_CHARS;
    let cut: String = plain.chars().take(room).collect();
    let marked = format!("{}-{mark:08x}", cut.trim_end_matches('-'));
    let marked = sku(marked.trim_start_matches('-').to_owned());
    // A plain one that does not fit, or is empty, would not be told apart.
    let plain = Sku::try_from(plain).unwrap_or_else(|_| marked.clone());
    [plain, marked]
}

fn sku(text: String) -> Sku {
    Sku::try_from(text).expect("letters, digits and hyphens within the limit, with a mark at the end")
}

/// Letters and digits, with a hyphen for all between.
fn hyphenated(text: &str) -> String {
    let mut hyphenated = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() || c == '_' {
            hyphenated.push(c);
        } else if !hyphenated.is_empty() && !hyphenated.ends_with('-') {
            hyphenated.push('-');
        }
    }
    let end = hyphenated.trim_end_matches('-').len();
    hyphenated.truncate(end);
    hyphenated
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn options(values: &[&str]) -> Options {
        let pairs = values.iter().enumerate();
        Options(pairs.map(|(at, value)| (at.to_string(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_handle_is_kept_where_it_is_one() {
        for (text, expected) in [
            ("the-scout--kit_2", "the-scout--kit_2"),
            ("The Scout: Kit!", "the-scout-kit"),
            ("Ärmel", "ärmel"),
            ("茶-碗", "茶-碗"),
            ("...", ""),
        ] {
            assert_eq!(handle(text), expected);
        }
    }

    #[test]
    fn a_sku_is_made_of_handle_and_options() {
        let [plain, marked] = skus("camisole", &options(&["Dark Navy", "S/M"]));
        assert_eq!(plain.as_str(), "camisole-dark-navy-s-m");
        assert_eq!(marked.as_str().len(), plain.as_str().len() + 9);
        let other = skus("camisole", &options(&["Dark Navy", "S-M"]));
        assert_eq!(other[0], plain);
        assert_ne!(other[1], marked);
    }

    proptest! {
        #[test]
        fn every_variant_gets_a_sku(text in "\\PC{0,120}", value in "\\PC{0,120}") {
            let made = skus(&handle(&text), &options(&[&value]));
            prop_assert!(made.iter().all(|sku| !sku.as_str().is_empty()));
        }
    }
}
