//! Where a request comes from.

use std::net::IpAddr;

/// The address of the client as the gateway in this process found it, a request extension. The gateway believes as many
/// proxies as it is told to; nobody behind it has to think about that again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);
