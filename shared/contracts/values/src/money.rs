//! Amounts of money in integer minor units.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Currency, ValueError};

/// An amount in minor units of one currency: `{"amount": 1999, "currency": "USD"}` is 19.99 dollars.
///
/// Never negative. A price is at most [`Money::MAX_PRICE`]; sums of prices may be larger and are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "RawMoney")]
pub struct Money {
    /// Minor units (ISO 4217 exponent of the currency).
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64, example = 1999)]
    amount: i64,
    currency: Currency,
}

#[derive(Deserialize)]
struct RawMoney {
    amount: i64,
    currency: Currency,
}

impl Money {
    /// The largest price of one piece: 10^12 minor units. 1,000 pieces in 100 lines still fit an `i64`.
    pub const MAX_PRICE: i64 = 1_000_000_000_000;

    /// A price: 0 to [`Money::MAX_PRICE`].
    pub fn new(amount: i64, currency: Currency) -> Result<Self, ValueError> {
        if (0..=Self::MAX_PRICE).contains(&amount) {
            Ok(Self { amount, currency })
        } else {
            Err(ValueError::new("must be between 0 and 1000000000000 minor units"))
        }
    }

    /// Nothing, in a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self { amount: 0, currency }
    }

    /// A sum of prices as a store kept it: not negative, and not bounded by the largest price.
    pub fn total(amount: i64, currency: Currency) -> Result<Self, ValueError> {
        if amount < 0 {
            return Err(ValueError::new("a total cannot be negative"));
        }
        Ok(Self { amount, currency })
    }

    /// Minor units.
    pub const fn amount(self) -> i64 {
        self.amount
    }

    /// The currency of the amount.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum of two amounts of one currency.
    pub fn checked_add(self, other: Self) -> Result<Self, ValueError> {
        if self.currency != other.currency {
            return Err(ValueError::new("amounts of two currencies cannot be added"));
        }
        let amount = self.amount.checked_add(other.amount).ok_or_else(overflow)?;
        Ok(Self { amount, ..self })
    }

    /// The price of several pieces.
    pub fn checked_mul(self, quantity: u32) -> Result<Self, ValueError> {
        let amount = self.amount.checked_mul(i64::from(quantity)).ok_or_else(overflow)?;
        Ok(Self { amount, ..self })
    }
}

impl TryFrom<RawMoney> for Money {
    type Error = ValueError;

    fn try_from(raw: RawMoney) -> Result<Self, ValueError> {
        Self::total(raw.amount, raw.currency)
    }
}

fn overflow() -> ValueError {
    ValueError::new("the amount is too large")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_bounded_on_both_sides() {
        assert!(Money::new(-1, Currency::USD).is_err());
        assert!(Money::new(0, Currency::USD).is_ok());
        assert!(Money::new(Money::MAX_PRICE, Currency::USD).is_ok());
        assert!(Money::new(Money::MAX_PRICE + 1, Currency::USD).is_err());
    }

    #[test]
    fn the_largest_order_fits() {
        let line = Money::new(Money::MAX_PRICE, Currency::USD)
            .unwrap()
            .checked_mul(1000)
            .unwrap();
        let mut total = Money::zero(Currency::USD);
        for _ in 0..100 {
            total = total.checked_add(line).unwrap();
        }
        assert_eq!(total.amount(), 100_000_000_000_000_000);
    }

    #[test]
    fn two_currencies_do_not_add_up() {
        let euro: Currency = "EUR".parse().unwrap();
        assert!(Money::zero(Currency::USD).checked_add(Money::zero(euro)).is_err());
    }

    #[test]
    fn overflow_is_an_error_not_a_wrap() {
        let huge = Money::total(i64::MAX, Currency::USD).unwrap();
        assert!(huge.checked_mul(2).is_err());
        assert!(huge.checked_add(huge).is_err());
    }
}
