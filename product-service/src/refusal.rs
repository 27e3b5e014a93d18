//! Refusals as adapters answer them. What is wrong with the store is logged here, once.

use std::error::Error;

use platform_problem::Problem;
use product_api::{ProductsError, StockError};

/// What the catalogue says no with.
pub(crate) fn of_products(error: &ProductsError) -> Problem {
    if let ProductsError::Unavailable(Some(source)) = error {
        log(error, &**source);
    }
    error.into()
}

/// What the stock says no with.
pub(crate) fn of_stock(error: &StockError) -> Problem {
    log_stock(error);
    error.into()
}

/// Logs what is a fault.
pub(crate) fn log_stock(error: &StockError) {
    match error {
        StockError::OtherRequest => tracing::error!("an order id was used for another request"),
        StockError::Unavailable(Some(source)) => log(error, &**source),
        StockError::Unavailable(None) => {}
    }
}

fn log(error: &dyn Error, source: &dyn Error) {
    let mut text = format!("{error}: {source}");
    let mut source = source.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    tracing::error!(error = text, "a request could not be answered");
}
