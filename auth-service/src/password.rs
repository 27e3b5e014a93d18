//! Passwords: what is taken as one, and how they are kept.

mod background;
mod hasher;

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use values::ValueError;
use zeroize::Zeroizing;

pub use hasher::{Busy, Cost, Hasher, PasswordHash};

/// A password in NFC, so that the same keys give the same password on every system. Forgotten when dropped, never shown.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// The shortest one in characters.
    pub const MIN_CHARS: usize = 12;
    /// The longest one in characters.
    pub const MAX_CHARS: usize = 128;

    /// One that an account is to have.
    pub fn chosen(text: String) -> Result<Self, ValueError> {
        let password = Self::presented(text);
        let chars = password.0.chars().count();
        if (Self::MIN_CHARS..=Self::MAX_CHARS).contains(&chars) {
            return Ok(password);
        }
        Err(ValueError::new("must have 12 to 128 characters"))
    }

    /// One that is claimed to be an account's. Any text may be claimed.
    pub fn presented(text: String) -> Self {
        let text = Zeroizing::new(text);
        Self(Zeroizing::new(text.nfc().collect()))
    }

    fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_characters_after_composition() {
        assert!(Password::chosen("e\u{301}".repeat(11)).is_err());
        assert!(Password::chosen("e\u{301}".repeat(12)).is_ok());
        assert!(Password::chosen("\u{e9}".repeat(128)).is_ok());
        assert!(Password::chosen("\u{e9}".repeat(129)).is_err());
    }

    #[test]
    fn composed_and_decomposed_are_the_same_password() {
        let (one, other) = ("caf\u{e9}".to_owned(), "cafe\u{301}".to_owned());
        assert_eq!(
            Password::presented(one).as_bytes(),
            Password::presented(other).as_bytes()
        );
    }
}
