//! From a target to a neighbour.

use std::sync::Arc;

use auth_api::Accounts;
use platform_rpc::{Availability, GrpcNeighbour, HttpNeighbour, Outgoing, Scheme, Target};

use crate::{GrpcAccounts, HttpAccounts};

/// auth-service in other processes.
pub struct Remote {
    /// Keys and tokens.
    pub accounts: Arc<dyn Accounts>,
    /// Whether it can be asked, and when that changes.
    pub availability: Availability,
}

/// The neighbour's name in metrics and errors.
const NAME: &str = "auth";

/// The service at a target; nothing is dialled yet. It asks for no proof: it gives the first one.
pub fn connect(target: &Target, outgoing: &Outgoing) -> Remote {
    match target.scheme() {
        Scheme::Http => {
            let neighbour = HttpNeighbour::new(NAME, target, outgoing, None);
            Remote {
                availability: neighbour.availability(),
                accounts: Arc::new(HttpAccounts::new(neighbour)),
            }
        }
        Scheme::Grpc => {
            let neighbour = GrpcNeighbour::new(NAME, target, outgoing, None);
            Remote {
                availability: neighbour.availability(),
                accounts: Arc::new(GrpcAccounts::new(neighbour)),
            }
        }
    }
}
