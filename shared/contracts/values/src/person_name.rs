//! What a person wants to be called.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

use crate::ValueError;

/// A name, trimmed and in NFC: 1 to 100 characters, none of them a control character. Anything else is somebody's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, min_length = 1, max_length = 100)]
pub struct PersonName(String);

impl PersonName {
    /// The longest name in characters.
    pub const MAX_CHARS: usize = 100;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PersonName {
    type Error = ValueError;

    fn try_from(text: String) -> Result<Self, ValueError> {
        let name: String = text.trim().nfc().collect();
        if name.is_empty() {
            return Err(ValueError::new("must not be empty"));
        }
        if name.chars().count() > Self::MAX_CHARS {
            return Err(ValueError::new("must be at most 100 characters"));
        }
        if name.chars().any(char::is_control) {
            return Err(ValueError::new("must not contain control characters"));
        }
        Ok(Self(name))
    }
}

impl From<PersonName> for String {
    fn from(name: PersonName) -> Self {
        name.0
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Result<PersonName, ValueError> {
        PersonName::try_from(text.to_owned())
    }

    #[test]
    fn a_name_is_trimmed_and_composed() {
        assert_eq!(name("  Zoe\u{308} ").unwrap().as_str(), "Zo\u{eb}");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in ["", " \t ", "a\nb", "nul\0"] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
        assert!(name(&"\u{e9}".repeat(100)).is_ok());
        assert!(name(&"e".repeat(101)).is_err());
    }
}
