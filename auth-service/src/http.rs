//! The routes of auth. Each file translates one path and calls the service, no more.

mod answer;
mod jwks;
mod login;
mod logout;
mod origin;
mod password;
mod refresh;
mod register;
mod service_token;

use platform_runtime::router::ApiRouter;
use platform_runtime::routes;

use crate::service::AuthService;

/// Bodies of these routes are small.
const BODY_LIMIT: u64 = 8 * 1024;

/// All of them.
pub fn routes() -> ApiRouter<AuthService> {
    ApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(login::login))
        .routes(routes!(refresh::refresh))
        .routes(routes!(logout::logout))
        .routes(routes!(password::change_password))
        .routes(routes!(jwks::jwks))
        .routes(routes!(service_token::service_token))
}
