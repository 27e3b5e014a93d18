//! Why a write was refused.

use platform_problem::{Problem, codes};
use product_api::{INSUFFICIENT_STOCK, ProductsError, STOCK_NOT_COUNTED};

use crate::store::StoreError;

/// Why a write was refused: what the contract knows, and what only this service's own routes meet.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// As the contract says.
    #[error(transparent)]
    Products(#[from] ProductsError),
    /// A delta on what is not counted.
    #[error("the stock is not counted")]
    NotCounted,
    /// There is too little.
    #[error("only {available} are available")]
    Insufficient {
        /// What can be had.
        available: i64,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
}

impl ServiceError {
    /// For callers that can meet neither stock nor keys.
    pub(super) fn into_products_error(self) -> ProductsError {
        match self {
            Self::Products(error) => error,
            other => ProductsError::Unavailable(Some(other.into())),
        }
    }

    /// Whether it was decided about the goods: such a refusal is the answer to an idempotency key.
    pub fn is_decided(&self) -> bool {
        match self {
            Self::Products(error) => matches!(error, ProductsError::SkuTaken | ProductsError::OptionsTaken),
            Self::NotCounted | Self::Insufficient { .. } => true,
            Self::KeyReused => false,
        }
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotCounted => Self::NotCounted,
            StoreError::Insufficient { available } => Self::Insufficient { available },
            StoreError::KeyReused => Self::KeyReused,
            other => Self::Products(other.into()),
        }
    }
}

impl From<StoreError> for ProductsError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            StoreError::SkuTaken => Self::SkuTaken,
            StoreError::OptionsTaken => Self::OptionsTaken,
            StoreError::VersionMismatch => Self::VersionMismatch,
            other => Self::Unavailable(Some(other.into())),
        }
    }
}

impl From<&ServiceError> for Problem {
    fn from(error: &ServiceError) -> Self {
        match error {
            ServiceError::Products(error) => error.into(),
            ServiceError::NotCounted => Self::new(&STOCK_NOT_COUNTED),
            ServiceError::Insufficient { available } => Self::new(&INSUFFICIENT_STOCK)
                .detail(format!("{available} can be taken away"))
                .with("available", *available),
            ServiceError::KeyReused => Self::new(&codes::IDEMPOTENCY_KEY_REUSED),
        }
    }
}
