//! gRPC: the services of the contract. Each method reads a message, calls the service and writes the answer.

mod catalogue;
mod draft;
mod shelf;

use std::sync::Arc;

use platform_identity::Role;
use platform_runtime::grpc::{Callers, GrpcRouter};
use platform_runtime::router::Guard;
use product_api::Stock;
use product_api::grpc::DESCRIPTORS;
use product_api::grpc::proto::product_service_server::ProductServiceServer;
use product_api::grpc::proto::stock_service_server::StockServiceServer;

use crate::service::ProductService;
use catalogue::CatalogueServer;
use shelf::StockServer;

/// The most bytes of a request: a product is the largest, as over HTTP.
const MESSAGE_LIMIT: usize = 1024 * 1024;

/// The five calls that an admin may make as well.
const FOR_ADMINS_TOO: Callers = Callers::ServicesAnd(Role::Admin);

const CATALOGUE: [(&str, Callers); 7] = [
    ("GetProduct", FOR_ADMINS_TOO),
    ("ListProducts", FOR_ADMINS_TOO),
    ("CreateProduct", FOR_ADMINS_TOO),
    ("UpdateProduct", FOR_ADMINS_TOO),
    ("DeleteProduct", FOR_ADMINS_TOO),
    ("BatchGetProducts", Callers::Services),
    ("ListProductChanges", Callers::Services),
];

const STOCK: [(&str, Callers); 8] = [
    ("Reserve", Callers::Services),
    ("Sell", Callers::Services),
    ("SellMany", Callers::Services),
    ("Confirm", Callers::Services),
    ("Release", Callers::Services),
    ("ReturnGoods", Callers::Services),
    ("ListReservations", Callers::Services),
    ("ListFaults", Callers::Services),
];

/// All of them, behind a guard.
pub(crate) fn services(catalogue: ProductService, stock: Arc<dyn Stock>, guard: &Guard) -> GrpcRouter {
    let catalogue = ProductServiceServer::new(CatalogueServer(catalogue)).max_decoding_message_size(MESSAGE_LIMIT);
    let stock = StockServiceServer::new(StockServer(stock)).max_decoding_message_size(MESSAGE_LIMIT);
    GrpcRouter::new()
        .service(catalogue, DESCRIPTORS, guard, &CATALOGUE)
        .service(stock, DESCRIPTORS, guard, &STOCK)
}
