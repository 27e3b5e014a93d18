//! From a target to a neighbour.

use std::sync::Arc;

use platform_rpc::{Availability, Credential, GrpcNeighbour, HttpNeighbour, Outgoing, Scheme, Target};
use user_api::Users;

use crate::{GrpcUsers, HttpUsers};

/// user-service in other processes.
pub struct Remote {
    /// The profiles.
    pub users: Arc<dyn Users>,
    /// Whether it can be asked, and when that changes.
    pub availability: Availability,
}

/// The neighbour's name in metrics and errors.
const NAME: &str = "user";

/// The service at a target; nothing is dialled yet. The credential's tokens are for the audience `stoa:user`.
pub fn connect(target: &Target, outgoing: &Outgoing, credential: Option<Credential>) -> Remote {
    match target.scheme() {
        Scheme::Http => {
            let neighbour = HttpNeighbour::new(NAME, target, outgoing, credential);
            Remote {
                availability: neighbour.availability(),
                users: Arc::new(HttpUsers::new(neighbour)),
            }
        }
        Scheme::Grpc => {
            let neighbour = GrpcNeighbour::new(NAME, target, outgoing, credential);
            Remote {
                availability: neighbour.availability(),
                users: Arc::new(GrpcUsers::new(neighbour)),
            }
        }
    }
}
