//! Stock keeping units.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ValueError;

/// A merchant's own name for a product: 1 to 100 printable characters, no white space at either end.
///
/// Compared as it is written: `ab-1` and `AB-1` are two products.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 100)]
pub struct Sku(String);

impl Sku {
    /// The longest sku, in characters.
    pub const MAX_CHARS: usize = 100;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Sku {
    type Error = ValueError;

    fn try_from(text: String) -> Result<Self, ValueError> {
        if text.trim() != text || text.is_empty() {
            return Err(ValueError::new("must not be empty or begin or end with white space"));
        }
        if text.chars().count() > Self::MAX_CHARS {
            return Err(ValueError::new("must be at most 100 characters"));
        }
        if text.chars().any(char::is_control) {
            return Err(ValueError::new("must not have control characters"));
        }
        Ok(Self(text))
    }
}

impl From<Sku> for String {
    fn from(sku: Sku) -> Self {
        sku.0
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_is_kept_as_it_is_written() {
        assert_eq!(Sku::try_from("aB 1".to_owned()).unwrap().as_str(), "aB 1");
    }

    #[test]
    fn what_nobody_could_type_again_is_refused() {
        for bad in ["", " a", "a\n", "a\u{0}b", &"x".repeat(101)] {
            assert!(Sku::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
        assert!(Sku::try_from("é".repeat(100)).is_ok());
    }
}
