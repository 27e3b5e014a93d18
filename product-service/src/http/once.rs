//! Writes that carry an `Idempotency-Key`.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use platform_identity::Principal;
use platform_problem::{FieldError, Problem, codes};
use platform_runtime::extract::IdempotencyKey;
use platform_sql::idempotency::{self, StoredAnswer};
use product_api::{PROBLEMS, Product};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Catalogue, refused};
use crate::cache::Answer;
use crate::service::{Answered, Once, ServiceError};

const REPLAYED: &str = "idempotent-replayed";

/// The version of the canonical form below; another form gets another one.
const CANONICAL: u8 = 1;

/// The key of a caller on a route; `meaning` is what the request comes to, defaults left out.
pub(super) fn once(
    key: Option<IdempotencyKey>,
    caller: &Principal,
    route: &str,
    meaning: &impl Serialize,
    render: fn(&Product) -> StoredAnswer,
) -> Option<Once> {
    let IdempotencyKey(key) = key?;
    let mut canonical = vec![CANONICAL];
    serde_json::to_writer(&mut canonical, meaning).expect("what was checked is JSON");
    let request_hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &canonical)
        .as_ref()
        .to_vec();
    Some(Once {
        key: idempotency::IdempotencyKey {
            caller: caller.user_id().map(|id| id.to_string()).unwrap_or_default(),
            route: route.to_owned(),
            key,
            request_hash,
        },
        render,
    })
}

/// An answer as it is kept.
pub(super) fn stored(status: StatusCode, answer: &Answer, location: Option<String>) -> StoredAnswer {
    let etag = answer.etag.to_str().unwrap_or_default().to_owned();
    let mut headers = vec![(header::ETAG.to_string(), etag)];
    headers.extend(location.map(|location| (header::LOCATION.to_string(), location)));
    StoredAnswer {
        status: status.as_u16(),
        headers,
        body: answer.body.to_vec(),
    }
}

/// The answer to a write: as it was rendered, marked if it was given before.
pub(super) async fn respond(
    catalogue: &Catalogue,
    answered: Result<Answered, ServiceError>,
    once: Option<Once>,
    render: fn(&Product) -> StoredAnswer,
) -> Result<Response, Problem> {
    match (answered, once) {
        (Ok(Answered::Now(product)), _) => Ok(response(render(&product))),
        (Ok(Answered::Before(answer)), _) => replayed(answer),
        (Err(error), Some(once)) if error.is_decided() => {
            let problem = Problem::from(&error);
            let answer = kept(&problem);
            match catalogue.service.remember_refusal(&once, answer.clone()).await {
                Ok(Answered::Before(earlier)) if earlier != answer => replayed(earlier),
                Ok(_) => Err(problem),
                Err(error) => Err(refusal(&error)),
            }
        }
        (Err(error), _) => Err(refusal(&error)),
    }
}

fn refusal(error: &ServiceError) -> Problem {
    match error {
        ServiceError::Products(error) => refused(error),
        other => other.into(),
    }
}

fn replayed(answer: StoredAnswer) -> Result<Response, Problem> {
    if answer.status >= 400 {
        return Err(problem_of(&answer).header(REPLAYED, "true"));
    }
    let mut response = response(answer);
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

fn response(answer: StoredAnswer) -> Response {
    let mut response = Bytes::from(answer.body).into_response();
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    response
}

/// A refusal as it is kept: its body without a request id, which every answer has its own of.
fn kept(problem: &Problem) -> StoredAnswer {
    StoredAnswer {
        status: problem.status(),
        headers: Vec::new(),
        body: problem.to_json(None).to_string().into_bytes(),
    }
}

fn problem_of(answer: &StoredAnswer) -> Problem {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let kind = PROBLEMS.iter().find(|kind| body["code"] == kind.code);
    let Some(kind) = kind else {
        tracing::error!("a kept refusal has a code that is not known");
        return Problem::new(&codes::INTERNAL);
    };
    let mut problem = Problem::new(kind);
    if let Some(detail) = body["detail"].as_str() {
        problem = problem.detail(detail);
    }
    if let Ok(errors) = Vec::<FieldError>::deserialize(&body["errors"]) {
        problem = problem.fields(errors);
    }
    if let Some(available) = body.get("available") {
        problem = problem.with("available", available.clone());
    }
    problem
}
