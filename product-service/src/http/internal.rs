//! What other processes of ours call, below `/internal/`: one route for each method of the contract, and one for many sales at
//! once, each for a service token.
//!
//! Bodies are those of [`product_api::calls`]. What the contract refuses says so under the contract's name, so that a caller
//! can tell it from what anybody on the way may answer.

mod catalogue;
mod shelf;

use std::sync::Arc;

use platform_runtime::router::ApiRouter;
use platform_runtime::routes;
use product_api::Stock;

use crate::service::ProductService;

/// What handlers work with.
#[derive(Clone)]
pub(crate) struct Inside {
    pub(crate) catalogue: ProductService,
    pub(crate) stock: Arc<dyn Stock>,
}

/// All of them.
pub(crate) fn routes() -> ApiRouter<Inside> {
    ApiRouter::new()
        .routes(routes!(catalogue::get))
        .routes(routes!(catalogue::get_many))
        .routes(routes!(catalogue::list))
        .routes(routes!(catalogue::create))
        .routes(routes!(catalogue::update))
        .routes(routes!(catalogue::delete))
        .routes(routes!(catalogue::changes))
        .routes(routes!(shelf::reserve))
        .routes(routes!(shelf::sell))
        .routes(routes!(shelf::sell_many))
        .routes(routes!(shelf::confirm))
        .routes(routes!(shelf::release))
        .routes(routes!(shelf::return_goods))
        .routes(routes!(shelf::reservations))
        .routes(routes!(shelf::faults))
}
