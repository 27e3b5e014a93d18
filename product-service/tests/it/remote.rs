//! The service as other processes reach it, and as nobody else does.

use std::sync::Arc;

use platform_clock::{Clock, SystemClock};
use platform_rpc::{Outgoing, Scheme};
use platform_sql::Database;
use platform_sql::testing::TestDatabase;
use platform_testing::Served;
use product_client::Remote;
use product_service::{App, NAME};
use values::Currency;

/// The service on a listener of its own.
pub(crate) async fn serve(database: Database, clock: Arc<dyn Clock>) -> Served {
    let app = App::build(database, "test", Currency::USD, clock).await.unwrap();
    Served::start(NAME, app.routes(), |guard| app.grpc(guard))
}

/// A client of it.
pub(crate) fn connect(served: &Served, scheme: Scheme) -> Remote {
    product_client::connect(&served.target(scheme), &Outgoing::default(), Some(served.credential()))
}

#[tokio::test]
async fn only_a_service_token_for_products_opens_what_is_between_processes() {
    let database = TestDatabase::sqlite();
    let served = serve(database.open(NAME).await, Arc::new(SystemClock)).await;
    let for_admins = [
        "GetProduct",
        "ListProducts",
        "CreateProduct",
        "UpdateProduct",
        "DeleteProduct",
    ];
    assert_eq!(served.refuses_intruders(&for_admins).await, (15, 15));
}
