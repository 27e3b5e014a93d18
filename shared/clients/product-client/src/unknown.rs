//! What a question without an answer comes to in terms of the contracts.

use platform_rpc::AskError;
use product_api::{ProductsError, StockError};

pub(crate) fn products(error: AskError) -> ProductsError {
    match error {
        AskError::Refused(problem) => problem.into(),
        unknown @ AskError::Unknown(_) => ProductsError::Unavailable(Some(unknown.into())),
    }
}

pub(crate) fn stock(error: AskError) -> StockError {
    match error {
        AskError::Refused(problem) => problem.into(),
        unknown @ AskError::Unknown(_) => StockError::Unavailable(Some(unknown.into())),
    }
}
