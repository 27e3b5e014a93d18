//! What an order's row says to its client.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use order_api::{NOT_CANCELLABLE, ORDER_CANCELLED, PAYMENT_DECLINED};
use platform_problem::{Problem, codes};
use platform_runtime::extract::Json;
use product_api::{INSUFFICIENT_STOCK, MIXED_CURRENCY, Refusal, UNKNOWN_PRODUCT};
use serde_json::{Value, json};

use crate::order::{Reason, StoredOrder, is_undecided, items_of, render};
use crate::service::{CancelError, Fault, FindError, PlaceError, QuoteError};

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The answer to the press of a button, the first time and to every replay: from the row as it is.
pub(super) fn placed(order: &StoredOrder, replayed: bool) -> Response {
    let status = match order.state {
        state if is_undecided(state) => StatusCode::ACCEPTED,
        _ if order.confirmed_at.is_some() => StatusCode::CREATED,
        _ => return mark(refusal(order).into_response(), replayed),
    };
    let location = format!("/api/orders/{}", order.id);
    let mut response = (status, Json(render(order))).into_response();
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    mark(response, replayed)
}

/// The answer to a cancel.
pub(super) fn cancelled(order: &StoredOrder, replayed: bool) -> Response {
    let status = if is_undecided(order.state) {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    mark((status, Json(render(order))).into_response(), replayed)
}

fn mark(mut response: Response, replayed: bool) -> Response {
    if replayed {
        response
            .headers_mut()
            .insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// Why there is nothing to buy behind this key, and never will be.
fn refusal(order: &StoredOrder) -> Problem {
    let problem = match (&order.refusal, order.reason) {
        (Some(refusal), _) => of_refusal(refusal),
        (None, Some(Reason::PaymentDeclined)) => Problem::new(&PAYMENT_DECLINED),
        (None, _) => Problem::new(&ORDER_CANCELLED),
    };
    problem.with("order_id", json!(order.id))
}

fn of_refusal(refusal: &Refusal) -> Problem {
    let kind = match refusal {
        Refusal::InsufficientStock { .. } => &INSUFFICIENT_STOCK,
        Refusal::UnknownProduct { .. } => &UNKNOWN_PRODUCT,
        Refusal::MixedCurrency => &MIXED_CURRENCY,
    };
    let problem = Problem::new(kind);
    match items_of(refusal) {
        Some(items) => problem.with("items", Value::Array(items)),
        None => problem,
    }
}

/// A fault of the books: told apart from one that passes.
fn unknown(error: &Fault) -> Problem {
    if error.is_passing() {
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "orders cannot be read or written now"
        );
        return Problem::new(&codes::UNAVAILABLE);
    }
    tracing::error!(
        error = error as &dyn std::error::Error,
        "orders cannot be read or written"
    );
    Problem::new(&codes::INTERNAL)
}

impl From<PlaceError> for Problem {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::KeyReused => Self::new(&codes::IDEMPOTENCY_KEY_REUSED),
            PlaceError::Store(error) => unknown(&error),
        }
    }
}

impl From<FindError> for Problem {
    fn from(error: FindError) -> Self {
        match error {
            FindError::NotFound => Self::new(&codes::NOT_FOUND),
            FindError::Store(error) => unknown(&error),
        }
    }
}

impl From<CancelError> for Problem {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::NotFound => Self::new(&codes::NOT_FOUND),
            CancelError::NotCancellable => Self::new(&NOT_CANCELLABLE),
            CancelError::KeyReused => Self::new(&codes::IDEMPOTENCY_KEY_REUSED),
            CancelError::Busy => Self::new(&codes::UNAVAILABLE),
            CancelError::Store(error) => unknown(&error),
        }
    }
}

impl From<QuoteError> for Problem {
    fn from(error: QuoteError) -> Self {
        match error {
            QuoteError::UnknownProducts(items) => of_refusal(&Refusal::UnknownProduct { items }),
            QuoteError::MixedCurrency => of_refusal(&Refusal::MixedCurrency),
            QuoteError::Unavailable(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a quote cannot be made now");
                Self::new(&codes::UNAVAILABLE)
            }
        }
    }
}

impl From<Fault> for Problem {
    fn from(error: Fault) -> Self {
        unknown(&error)
    }
}
