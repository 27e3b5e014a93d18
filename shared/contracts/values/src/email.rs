//! Email addresses.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

use crate::ValueError;

/// An email address, trimmed, at most 254 bytes; shown as it was written, compared without case.
///
/// The check is the one that matters in practice: one `@`, something on both sides, a dot in the domain, no white
/// space or control characters. Whether it exists only a letter can tell.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = Email, max_length = 254)]
pub struct Email(Spellings);

#[derive(Debug, Clone)]
struct Spellings {
    shown: String,
    key: String,
}

impl Email {
    /// The longest address in bytes (RFC 5321, 4.5.3.1.3, less the angle brackets).
    pub const MAX_BYTES: usize = 254;

    /// The address as it was written, less white space at the ends.
    pub fn as_str(&self) -> &str {
        &self.0.shown
    }

    /// What is unique: the address in NFC and lower case.
    pub fn key(&self) -> &str {
        &self.0.key
    }
}

impl TryFrom<String> for Email {
    type Error = ValueError;

    fn try_from(text: String) -> Result<Self, ValueError> {
        let shown: String = text.trim().nfc().collect();
        if shown.len() > Self::MAX_BYTES {
            return Err(ValueError::new("must be at most 254 bytes"));
        }
        let invalid = || ValueError::new("must be an email address");
        let (local, domain) = shown.split_once('@').ok_or_else(invalid)?;
        let labels_are_sound = domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
        let has_strange_characters = shown
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || "<>(),;:\\\"".contains(c));
        if local.is_empty() || domain.contains('@') || !labels_are_sound || has_strange_characters {
            return Err(invalid());
        }
        let key = shown.to_lowercase();
        Ok(Self(Spellings { shown, key }))
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0.shown
    }
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for Email {}

impl std::hash::Hash for Email {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.key.hash(state);
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> Result<Email, ValueError> {
        Email::try_from(text.to_owned())
    }

    #[test]
    fn addresses_are_trimmed_and_compared_without_case() {
        let one = email("  Ada@Example.org ").unwrap();
        assert_eq!(one, email("ada@example.ORG").unwrap());
        assert_eq!(one.as_str(), "Ada@Example.org");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada@localhost",
            "a@b@c.de",
            "a b@c.de",
            "a@c..de",
            "<a@c.de>",
        ] {
            assert!(email(bad).is_err(), "{bad:?}");
        }
        assert!(email(&format!("{}@example.org", "a".repeat(250))).is_err());
    }
}
