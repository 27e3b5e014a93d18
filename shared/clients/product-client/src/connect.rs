//! From a target to neighbours.

use std::sync::Arc;

use platform_rpc::{Availability, Credential, GrpcNeighbour, HttpNeighbour, Outgoing, Scheme, Target};
use product_api::{Products, Stock};

use crate::{GrpcProducts, GrpcStock, HttpProducts, HttpStock};

/// product-service in other processes. Both contracts share connections, balancer and breakers.
pub struct Remote {
    /// The catalogue.
    pub products: Arc<dyn Products>,
    /// The stock.
    pub stock: Arc<dyn Stock>,
    /// Whether it can be asked, and when that changes.
    pub availability: Availability,
}

/// The neighbour's name in metrics and errors.
const NAME: &str = "product";

/// The service at a target; nothing is dialled yet. The credential's tokens are for the audience `stoa:product`.
pub fn connect(target: &Target, outgoing: &Outgoing, credential: Option<Credential>) -> Remote {
    match target.scheme() {
        Scheme::Http => {
            let neighbour = HttpNeighbour::new(NAME, target, outgoing, credential);
            Remote {
                availability: neighbour.availability(),
                products: Arc::new(HttpProducts::new(neighbour.clone())),
                stock: Arc::new(HttpStock::new(neighbour)),
            }
        }
        Scheme::Grpc => {
            let neighbour = GrpcNeighbour::new(NAME, target, outgoing, credential);
            Remote {
                availability: neighbour.availability(),
                products: Arc::new(GrpcProducts::new(neighbour.clone())),
                stock: Arc::new(GrpcStock::new(neighbour)),
            }
        }
    }
}
