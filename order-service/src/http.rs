//! The routes of orders. Each file translates one path and calls the service, no more.

mod answer;
mod basket;
mod cancel;
mod history;
mod internal;
mod one;
mod place;
mod quote;

use std::sync::Arc;

use platform_problem::{Problem, codes};
use platform_runtime::extract::Caller;
use platform_runtime::router::ApiRouter;
use platform_runtime::routes;
use values::UserId;

pub(crate) use internal::refused;

use crate::service::OrderService;

/// What handlers work with.
type Service = Arc<OrderService>;

/// All of them.
pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .routes(routes!(place::place_order, history::list_orders))
        .routes(routes!(quote::quote_order))
        .routes(routes!(one::get_order))
        .routes(routes!(cancel::cancel_order))
        .routes(routes!(internal::list))
        .routes(routes!(internal::get_many))
}

/// Whose orders a caller may touch: everybody's for those who run the shop.
fn scope(caller: &Caller) -> Result<Option<UserId>, Problem> {
    if caller.is_admin() {
        return Ok(None);
    }
    own_id(caller).map(Some)
}

fn own_id(caller: &Caller) -> Result<UserId, Problem> {
    caller.user_id().ok_or_else(|| Problem::new(&codes::FORBIDDEN))
}
