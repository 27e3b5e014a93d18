//! Tokens for services.

use auth_api::{CLIENT_REFUSED, ServiceTokenAnswer, ServiceTokenRequest};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use platform_problem::Problem;
use platform_runtime::extract::Json;
use platform_runtime::policy;

use super::answer::{throttled, tokens};
use super::origin::Neighbour;
use crate::service::{AuthService, ServiceTokenRefused};

/// Its bodies are smaller than those of people.
const BODY_LIMIT: u64 = 4 * 1024;

/// Gives a service a token
///
/// For 60 minutes, for one other service (OAuth 2.0 client credentials, RFC 6749, 4.4, in JSON). A process renews it from
/// minute 20 on, so it does not notice if auth is away for half an hour.
#[utoipa::path(post, path = "/internal/token", tag = "auth", request_body = ServiceTokenRequest,
    responses(
        (status = 200, body = ServiceTokenAnswer),
        (status = 401, description = "`client_refused`"),
        (status = 429, description = "`rate_limited`"),
    ),
    extensions(("x-stoa" = json!(policy::client().body_limit(BODY_LIMIT)))))]
pub(super) async fn service_token(
    State(service): State<AuthService>,
    neighbour: Neighbour,
    Json(request): Json<ServiceTokenRequest>,
) -> Result<Response, Problem> {
    let token = service.issue_service_token(&request, neighbour.0)?;
    let answer = ServiceTokenAnswer {
        access_token: token.access_token,
        token_type: "Bearer".to_owned(),
        expires_in: token.expires_at.since(service.clock().now()).as_secs(),
        expires_at: token.expires_at,
    };
    Ok(tokens(StatusCode::OK, answer))
}

impl From<ServiceTokenRefused> for Problem {
    fn from(refusal: ServiceTokenRefused) -> Self {
        match refusal {
            ServiceTokenRefused::Client => Self::new(&CLIENT_REFUSED),
            ServiceTokenRefused::Throttled(refused) => throttled(refused),
        }
    }
}
