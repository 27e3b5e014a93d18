//! How many pieces of one product an order has.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ValueError;

/// A number of pieces: 1 to 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "i64")]
#[schema(value_type = i64, minimum = 1, maximum = 1000)]
pub struct Quantity(u32);

impl Quantity {
    /// The most pieces of one product in one order.
    pub const MAX: u32 = 1000;

    /// The number itself.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The sum of two lines of one product; refused above [`Quantity::MAX`].
    pub fn checked_add(self, other: Self) -> Result<Self, ValueError> {
        Self::try_from(i64::from(self.0) + i64::from(other.0))
    }
}

impl TryFrom<i64> for Quantity {
    type Error = ValueError;

    fn try_from(pieces: i64) -> Result<Self, ValueError> {
        match u32::try_from(pieces) {
            Ok(n @ 1..=Self::MAX) => Ok(Self(n)),
            _ => Err(ValueError::new("must be between 1 and 1000")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_holds_after_adding() {
        let some = Quantity::try_from(600).unwrap();
        assert!(some.checked_add(Quantity::try_from(400).unwrap()).is_ok());
        assert!(some.checked_add(Quantity::try_from(401).unwrap()).is_err());
        assert!(Quantity::try_from(0).is_err());
        assert!(Quantity::try_from(i64::MIN).is_err());
    }
}
