//! Types that cannot hold a bad value: ids, money, sku, email, a person's name, quantity, time.
//!
//! Everything past the edge of a process speaks these types and never checks again. At the edge a raw string or
//! number becomes one of them by `TryFrom` (or `FromStr`), and the error's `Display` is fit to be shown to a client.
//!
//! Start reading at [`Money`]; every other type follows its shape. To add a type: one file, a private field,
//! `TryFrom` with a [`ValueError`], `serde` through the checked conversion, and a test for the edges of its range.
//!
//! ```
//! use values::{Currency, Money};
//! let price = Money::new(1999, Currency::USD)?;
//! assert_eq!(price.checked_mul(3)?.amount(), 5997);
//! # Ok::<(), values::ValueError>(())
//! ```

mod currency;
mod email;
#[cfg(feature = "grpc")]
pub mod grpc;
mod ids;
mod money;
mod person_name;
mod quantity;
mod sku;
mod timestamp;

pub use currency::Currency;
pub use email::Email;
pub use ids::{OrderId, ProductId, SessionId, UserId};
pub use money::Money;
pub use person_name::PersonName;
pub use quantity::Quantity;
pub use sku::Sku;
pub use timestamp::Timestamp;

/// Why a value was refused. The text is meant for the client that sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub(crate) String);

impl ValueError {
    /// An error with a text for the client; lower case, no full stop.
    pub fn new(detail: impl Into<String>) -> Self {
        Self(detail.into())
    }
}
