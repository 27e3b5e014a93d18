//! Rate, errors and duration of requests, by the template of their route.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::time::Duration;

use http::Method;
use metrics::{Counter, Histogram};
use rapidhash::fast::RandomState;

/// Finding a metric by its labels costs as much as a small handler, so the handles are kept. Bounded: routes are declared, and
/// methods and classes are few.
static HANDLES: LazyLock<RwLock<HashMap<Key, Arc<Handles>, RandomState>>> = LazyLock::new(RwLock::default);

type Key = (Arc<str>, &'static str, &'static str);

struct Handles {
    requests: Counter,
    duration: Histogram,
}

/// Counts one request. Those that reached no route are counted under `none`.
pub fn record(route: Option<&Arc<str>>, method: &Method, status: u16, elapsed: Duration) {
    static NONE: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("none"));
    let key = (route.unwrap_or(&NONE).clone(), method_label(method), class_of(status));
    let known = HANDLES
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&key)
        .cloned();
    let handles = known.unwrap_or_else(|| register(key));
    handles.requests.increment(1);
    handles.duration.record(elapsed.as_secs_f64());
}

fn register(key: Key) -> Arc<Handles> {
    let (route, method, class) = key.clone();
    let labels = [
        ("route", route.to_string()),
        ("method", method.to_owned()),
        ("status", class.to_owned()),
    ];
    let handles = Arc::new(Handles {
        requests: metrics::counter!("http_requests_total", &labels),
        duration: metrics::histogram!("http_request_duration_seconds", &labels),
    });
    let mut known = HANDLES.write().unwrap_or_else(PoisonError::into_inner);
    known.entry(key).or_insert(handles).clone()
}

/// A client may invent methods; labels must not grow with them.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn class_of(status: u16) -> &'static str {
    match status {
        499 => "499",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        500..=599 => "5xx",
        _ => "1xx",
    }
}
