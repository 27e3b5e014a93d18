//! From a target to a neighbour.

use std::sync::Arc;

use order_api::Orders;
use platform_rpc::{Availability, Credential, GrpcNeighbour, HttpNeighbour, Outgoing, Scheme, Target};

use crate::{GrpcOrders, HttpOrders};

/// order-service in other processes.
pub struct Remote {
    /// The books.
    pub orders: Arc<dyn Orders>,
    /// Whether it can be asked, and when that changes.
    pub availability: Availability,
}

/// The neighbour's name in metrics and errors.
const NAME: &str = "order";

/// The service at a target; nothing is dialled yet. The credential's tokens are for the audience `stoa:order`.
pub fn connect(target: &Target, outgoing: &Outgoing, credential: Option<Credential>) -> Remote {
    match target.scheme() {
        Scheme::Http => {
            let neighbour = HttpNeighbour::new(NAME, target, outgoing, credential);
            Remote {
                availability: neighbour.availability(),
                orders: Arc::new(HttpOrders::new(neighbour)),
            }
        }
        Scheme::Grpc => {
            let neighbour = GrpcNeighbour::new(NAME, target, outgoing, credential);
            Remote {
                availability: neighbour.availability(),
                orders: Arc::new(GrpcOrders::new(neighbour)),
            }
        }
    }
}
